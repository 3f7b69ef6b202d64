import { servers } from './servers';

describe('ioredis 6', () => servers());
