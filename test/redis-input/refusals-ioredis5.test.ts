import { refusals } from './refusals';

jest.mock('ioredis', () => jest.requireActual<object>('ioredis5'));

describe('ioredis 5', () => refusals());
