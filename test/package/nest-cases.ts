import { describeEntries, describeTypes } from './entries';
import { NODES, thisNode } from './nodes';
import { makeProject, type Project } from './project';
import { describeShop, shop } from './shop-cases';

/** What is so on every version of Nest. A file each, so that they run side by side. */
export function describeOnNest(nest: '10' | '11'): void {
  let project: Project;

  beforeAll(async () => {
    project = await makeProject({ nest, packages: ['@nestjs/platform-express'] });
  }, 300_000);

  afterAll(() => project?.remove());

  describe(`on Nest ${nest}`, () => {
    describeTypes(() => project, { shop });
    describeEntries(() => project, thisNode, 1);
    describe.each(NODES)('on %s', (_, node) => describeShop(() => project, node));
  });
}
