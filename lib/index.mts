// Nest 12 is ESM only. Some Node versions crash when an ES module is first reached through a require() while it is part
// of a cycle, as @nestjs/common and @nestjs/core are; loaded by these imports, they are complete before our code asks.
import '@nestjs/common';
import '@nestjs/core';
export * from './index.js';
