// Commands that pages print and no test takes from the page: why, and which test does what they do.

export interface NotTaken {
  readonly page: string;
  /** What the block begins with. */
  readonly beginning: string;
  readonly because: string;
  /** The file that does the same. */
  readonly insteadBy: string;
}

export const NOT_TAKEN: readonly NotTaken[] = [
  {
    page: "README.md",
    beginning: "make up ",
    because: "`make test` is all the tests there are, and the walk does `make up`",
    insteadBy: "e2e/suite/walk.e2e.ts",
  },
  {
    page: "docs/take-over-redis.md",
    beginning: "export REDISCLI_AUTH=",
    because:
      "the addresses are those of somebody's servers; the same script takes a cluster over whose addresses the test knows",
    insteadBy: "server/src/cluster/take-over.integration.test.ts",
  },
  {
    page: "charts/kvcluster/README.md",
    beginning: "helm install ",
    because:
      "it wants images of a release, which this tree is not; the README's command with the images of this tree is run",
    insteadBy: "e2e/suite/chart.e2e.ts",
  },
  {
    page: "charts/kvcluster/README.md",
    beginning: "helm upgrade kvcluster ",
    because: "it wants the resource definitions of the Prometheus operator; the chart is rendered with the same values",
    insteadBy: "e2e/suite/chart.e2e.ts",
  },
];
