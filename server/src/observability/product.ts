/**
 * Who we are, and which Redis we behave like. Clients and operators switch features by the compatibility version, so
 * `redis_version` and HELLO tell that one; our own stands beside it.
 */

export const PRODUCT_NAME = "kvcluster";
export const PRODUCT_VERSION = "0.1.0";
export const COMPATIBLE_VERSION = "7.4.2";
