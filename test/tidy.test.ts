/**
 * House rules that no tool holds (docs in CONTRIBUTING.md). Each rule is a function from a file to
 * its faults; each has samples that it must catch, so that none can pass by being blind. Layers,
 * formatting and dead code are the tools' duty: see `make check`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

interface SourceText {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

interface Rule {
  readonly says: string;
  /** Which files it judges. */
  readonly over: RegExp;
  readonly faults: (file: SourceText) => readonly string[];
  /** Files that must have a fault. */
  readonly samples: readonly SourceText[];
}

const linesMax = 420;
const columnsMax = 100;

const code = /^(?:src|test|bin)\/.*\.(?:ts|js)$/;
const sources = /^src\/.*\.ts$/;
const everything = /./;

/** The lines of a file that hold `pattern`, as faults. */
function linesWith(text: string, pattern: RegExp, fault: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, at) =>
      pattern.test(line) ? [`line ${at + 1}: ${fault}: ${line.trim()}`] : [],
    );
}

function isExported(statement: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some((each) => each.kind === ts.SyntaxKind.ExportKeyword)
  );
}

function undocumentedExports({ path, text }: SourceText): readonly string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const documented = new Set<string>();
  const faults: string[] = [];
  for (const statement of file.statements) {
    if (!isExported(statement)) continue;
    const name = ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.map((each) => each.name.getText()).join(', ')
      : ((statement as ts.DeclarationStatement).name?.getText() ?? '(no name)');
    // Of overloads the first one carries the comment.
    if (ts.getJSDocCommentsAndTags(statement).length > 0) documented.add(name);
    else if (!documented.has(name)) faults.push(`export without a doc comment: ${name}`);
  }
  return faults;
}

function unrunSuites({ text }: SourceText): readonly string[] {
  const made = [...text.matchAll(/^\s*const (\w+) = suite\b/gm)].map((match) => match[1]);
  if (/^import \{[^}]*\btest\b[^}]*\} from 'uvu'/m.test(text)) made.push('test');
  if (made.length === 0) return ['imports neither test nor suite of uvu'];
  return made
    .filter((name) => !new RegExp(`^\\s*${name}\\.run\\(\\);$`, 'm').test(text))
    .map((name) => `no ${name}.run(): uvu runs none of its tests`);
}

function longLines({ text }: SourceText): readonly string[] {
  return text.split('\n').flatMap((line, at) => {
    // One word of text or of a pattern cannot be broken without harm.
    const isLiteral = /^\s*(?:\w+: )?(['"`/]).*\1\w*[,;)\]]*$/.test(line);
    return line.length > columnsMax && !isLiteral ? [`line ${at + 1}: ${line.length} columns`] : [];
  });
}

const rules: readonly Rule[] = [
  {
    says: 'a file opens with a comment that states its duty',
    over: code,
    faults: ({ text }) => (/^(?:#!.*\n)?\/\*\*\n \* \S/.test(text) ? [] : ['no header comment']),
    samples: [
      { path: 'src/raft/x.ts', text: "import './y.js';\n" },
      { path: 'src/raft/x.ts', text: '// one line\nlet x = 1;\n' },
    ],
  },
  {
    says: 'every export of src has a doc comment',
    over: sources,
    faults: undocumentedExports,
    samples: [
      { path: 'src/x.ts', text: '/** Doc. */\nexport const a = 1;\nexport const b = 2;\n' },
      { path: 'src/x.ts', text: '// no doc\nexport interface A {}\n' },
      { path: 'src/x.ts', text: '/** Doc. */\nconst a = 1;\n\nexport async function f() {}\n' },
    ],
  },
  {
    says: 'nothing is exported as default',
    over: /^(?:src|test)\/.*\.ts$/,
    faults: ({ text }) =>
      linesWith(text, /^export default\b|^export \{.*\bas default\b/, 'default'),
    samples: [{ path: 'src/x.ts', text: 'export default 1;\n' }],
  },
  {
    says: 'a test file runs each of its suites',
    over: /^test\/.*\.test\.ts$/,
    faults: unrunSuites,
    samples: [
      { path: 'test/a.test.ts', text: "import { test } from 'uvu';\ntest('x', () => {});\n" },
      { path: 'test/a.test.ts', text: "import { suite } from 'uvu';\nconst x = suite('x');\n" },
      { path: 'test/a.test.ts', text: "import { test } from 'uvu';\n// test.run();\n" },
    ],
  },
  {
    says: 'no leftovers: a mark to come back, a test that is skipped or runs alone',
    over: code,
    faults: ({ text }) => [
      ...linesWith(text, /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/, 'leftover'),
      ...linesWith(text, /^\s*\w+\.(?:only|skip)\(\s*['"`]/, 'leftover'),
    ],
    samples: [
      { path: 'src/x.ts', text: `// ${'to'.toUpperCase()}${'do'.toUpperCase()}: later\n` },
      { path: 'test/x.test.ts', text: "  test.only('x', () => {});\n" },
    ],
  },
  {
    says: 'an error that is caught and dropped has its reason beside it',
    over: code,
    faults: ({ text }) => linesWith(text, /\bcatch(?: \([^)]*\))? \{\s*\}/, 'empty catch'),
    samples: [{ path: 'src/x.ts', text: `  } catch ${'{'}}\n` }],
  },
  {
    says: `a file has at most ${linesMax} lines`,
    over: code,
    faults: ({ text }) => {
      const lines = text.trimEnd().split('\n').length;
      return lines > linesMax ? [`${lines} lines`] : [];
    },
    samples: [{ path: 'src/x.ts', text: 'x;\n'.repeat(linesMax + 1) }],
  },
  {
    says: `a line has at most ${columnsMax} columns`,
    over: code,
    faults: longLines,
    samples: [{ path: 'src/x.ts', text: `const a = f(${'1, '.repeat(40)});\n` }],
  },
  {
    says: 'a file is named after its noun, in kebab-case',
    over: code,
    faults: ({ path }) => {
      const name = path.split('/').at(-1) ?? '';
      if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.test)?\.(?:ts|js)$/.test(name)) return ['not kebab-case'];
      const isVague = /^(?:utils?|helpers?|common|misc|shared|index)\./.test(name);
      return isVague && path !== 'src/index.ts' ? ['names no noun'] : [];
    },
    samples: ['src/raft/utils.ts', 'src/raft/index.ts', 'src/raft/ConfChange.ts'].map((path) => ({
      path,
      text: '',
    })),
  },
  {
    says: 'the top of the repository holds what belongs there, nothing else',
    over: everything,
    faults: ({ path }) => {
      const top = path.split('/')[0] ?? '';
      return topEntries.has(top) ? [] : [`does not belong at the top: ${top}`];
    },
    samples: [
      { path: 'notes.md', text: '' },
      { path: 'lib/x.ts', text: '' },
      { path: '.notes', text: '' },
    ],
  },
  {
    says: 'no package host and no path of one machine is named',
    over: everything,
    faults: ({ text }) => [
      ...linesWith(text, /\bregistry\.[a-z]|"resolved":\s"http/, 'package host'),
      ...linesWith(text, /(?<![\w.~$})])\/(?:home|root|Users|work)\/\w/, 'path of one machine'),
    ],
    samples: [
      { path: 'README.md', text: `https://${'registry'}.example.org/\n` },
      { path: 'package-lock.json', text: `"resolved": ${'"'}https://x/y.tgz"\n` },
      { path: 'Makefile', text: `cd ${'/home'}/somebody\n` },
    ],
  },
];

const topEntries = new Set(
  (
    'package.json package-lock.json tsconfig.json biome.json knip.json Makefile README.md ' +
    'LICENSE CHANGELOG.md CONTRIBUTING.md src test bin docs .ci .c8rc.json ' +
    '.dependency-cruiser.cjs .editorconfig .gitignore .npmrc'
  ).split(' '),
);

function git(...args: string[]): readonly string[] | null {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    const output = execFileSync('git', [...args, '-z'], { encoding: 'utf8', stdio });
    return output.split('\0').filter((path) => path !== '');
  } catch {
    return null; // No git here, or no repository: a copy of the tree.
  }
}

/** All files that are ours: as git sees them, or, in a copy without git, all but what is made. */
function listFiles(): readonly string[] {
  const listed = git('ls-files', '--cached', '--others', '--exclude-standard');
  if (listed !== null) return listed.filter((path) => existsSync(path));
  const made = /^(?:node_modules|dist|data|coverage|\.git|\.cluster|\.make\.lock)(?:\/|$)/;
  return readdirSync('.', { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}${sep}${entry.name}`.split(sep).join('/'))
    .map((path) => path.replace(/^\.\//, ''))
    .filter((path) => !made.test(path));
}

const files = listFiles().map((path) => ({ path, text: readFileSync(path, 'utf8') }));

for (const rule of rules) {
  test(rule.says, () => {
    for (const sample of rule.samples) {
      assert.ok(rule.over.test(sample.path), `the rule does not look at ${sample.path}`);
      assert.ok(rule.faults(sample).length > 0, `the rule does not see ${sample.text}`);
    }
    const judged = files.filter((file) => rule.over.test(file.path));
    const faults = judged.flatMap((file) =>
      rule.faults(file).map((fault) => `${file.path}: ${fault}`),
    );
    assert.is(faults.join('\n'), '');
  });
}

/** Statements that make a promise and drop it: in a test, a failure that nobody sees. */
function floatingPromises(program: ts.Program, paths: readonly string[]): readonly string[] {
  const checker = program.getTypeChecker();
  const faults: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node) && !ts.isBinaryExpression(node.expression)) {
      const type = checker.getTypeAtLocation(node.expression);
      const isHandled = ts.isCallExpression(node.expression) && isCatching(node.expression);
      if (type.getProperty('then') !== undefined && !isHandled) {
        const file = node.getSourceFile();
        const { line } = file.getLineAndCharacterOfPosition(node.getStart());
        faults.push(
          `${relative('.', file.fileName)}: line ${line + 1}: a promise that nobody waits for`,
        );
      }
    }
    ts.forEachChild(node, visit);
  };
  for (const path of paths) {
    const file = program.getSourceFile(path);
    if (file === undefined) throw new Error(`not in the program: ${path}`);
    visit(file);
  }
  return faults;
}

/** `promise.catch(…)`, or `promise.then(…, …)` with both ways; a `.finally(…)` may follow. */
function isCatching(call: ts.CallExpression): boolean {
  if (!ts.isPropertyAccessExpression(call.expression)) return false;
  const {
    name: { text: name },
    expression: inner,
  } = call.expression;
  if (name === 'finally') return ts.isCallExpression(inner) && isCatching(inner);
  return name === 'catch' || (name === 'then' && call.arguments.length === 2);
}

function parseProject(): ts.ParsedCommandLine {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
  return ts.parseJsonConfigFileContent(config, ts.sys, '.');
}

test('no test and no source drops a promise', () => {
  const { fileNames, options } = parseProject();
  const program = ts.createProgram(fileNames, options);
  assert.is(floatingPromises(program, fileNames).join('\n'), '');
});

test('a dropped promise is seen', () => {
  const text =
    'async function f() {}\nf();\nawait f();\nvoid f();\nf().catch(() => 1);\n' +
    'f().then(f, f).finally(() => 1);\nf().finally(() => 1);\nexport {};\n';
  const { options } = parseProject();
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (name, ...rest) =>
    name === 'sample.ts' ? ts.createSourceFile(name, text, rest[0], true) : read(name, ...rest);
  const program = ts.createProgram(['sample.ts'], { ...options, types: [] }, host);
  assert.equal(floatingPromises(program, ['sample.ts']), [
    'sample.ts: line 2: a promise that nobody waits for',
    'sample.ts: line 7: a promise that nobody waits for',
  ]);
});

test('the files are found', () => {
  assert.ok(files.some((file) => file.path === 'src/base/errors.ts'));
  assert.ok(files.some((file) => file.path === 'test/tidy.test.ts'));
});

test('git tracks nothing that is made from something else', () => {
  assert.equal(git('ls-files', '--cached', '--ignored', '--exclude-standard') ?? [], []);
});

test.run();
