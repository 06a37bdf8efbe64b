import { testRobustness } from "./robustness.contract.ts";

testRobustness("no");
