export type { ZooKeeperBackendOptions } from './options';
export { zookeeperBackend } from './zookeeper.backend';
