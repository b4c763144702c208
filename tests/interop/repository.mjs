// Files of this repository. The checks run from a folder of their own, beside node_modules, so the
// repository's root is told to them.
import {readFileSync} from 'node:fs';
import {join} from 'node:path';

const root = process.env.BONAFIDE_ROOT;
if(!root) {
  throw new Error('BONAFIDE_ROOT is not set: start these checks with tests/interop/run');
}

export const path = name => join(root, name);
export const readText = name => readFileSync(path(name), 'utf8').trim();
export const readJson = name => JSON.parse(readText(name));
