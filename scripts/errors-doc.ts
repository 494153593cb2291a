// `pnpm errors-doc`: writes docs/errors.md from the code.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { errorsDocument, errorsDocumentPath, listErrors } from './errors.ts';
import { listSources } from './tidy.ts';

writeFileSync(
  path.join(path.dirname(import.meta.dirname), errorsDocumentPath),
  errorsDocument(listErrors(listSources())),
);
