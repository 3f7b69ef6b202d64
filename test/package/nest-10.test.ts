import { describeOnNest } from './nest-cases';

describeOnNest('10');
