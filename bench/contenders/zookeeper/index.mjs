/**
 * Those of Node.js are the file of that name, with `create(address, { ttl })`, which gives `{ run(key, section) }`; those of
 * Java are in CuratorBench.java.
 */
export const javaLibraries = { curator: 'curator', 'bare (Java)': 'bare' };

export const allContenders = () => [{ library: 'nestlock' }, { library: 'curator' }];
