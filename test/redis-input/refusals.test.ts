import { refusals } from './refusals';

describe('ioredis 6', () => refusals());
