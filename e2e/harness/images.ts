// The images that tests and the commands of pages use: those of `make images`, or others that the environment names.

export const CLIENT_IMAGE = process.env.CLIENT_IMAGE ?? "kvcluster/client:dev";
/** What pages call REGISTRY: where nodes pull from. */
export const REGISTRY = (process.env.OPERATOR_IMAGE ?? "kvcluster/operator:dev").replace(/\/operator:[^/]*$/, "");
/** The Kubernetes is the one that `make up` makes. */
export const IS_OUR_KUBERNETES = process.env.OUR_KUBERNETES === "1";
