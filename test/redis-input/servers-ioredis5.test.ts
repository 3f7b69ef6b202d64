import { servers } from './servers';

jest.mock('ioredis', () => jest.requireActual<object>('ioredis5'));

describe('ioredis 5', () => servers());
