/** The configuration of `wirespan run` and `wirespan check` where none is given. */
export const CONFIGURATION_FILE = "/etc/wirespan/wirespan.yaml";
