/**
 * Who may import whom: the import table of docs/ARCHITECTURE.md, row by row, and no more. Whatever a
 * row does not name is forbidden: files of other folders, Node's own modules, packages. Imports of
 * types count like all others.
 */

/** Packages of the libp2p family: for src/transport and nobody else. */
const libp2pFamily = [
  'libp2p',
  '@libp2p/[^/]+',
  '@chainsafe/[^/]+',
  '@multiformats/[^/]+',
  'multiformats',
  'uint8arraylist',
  'uint8arrays',
  'it-[^/]+',
];

const anyPackage = `(?!(?:${libp2pFamily.join('|')})(?:/|$))[^/]+`;

/** Imports that lead nowhere: a rule of their own speaks of them. */
const unfound = ['unknown', 'undetermined'];

/**
 * One row for each folder of src. `from`: the files the row speaks of (`except`: but these).
 * `files`: what they may import below src, beside their own folder. `node`: built-in modules.
 * `packages`: names in node_modules. All are parts of regular expressions.
 */
const table = [
  { name: 'base', from: 'base/', files: [] },
  { name: 'raft', from: 'raft/', files: ['base/'] },
  // sorted-btree: an ordered map without dependencies, a clock or I/O.
  {
    name: 'machine',
    from: 'machine/',
    files: ['base/', 'raft/types\\.ts'],
    packages: ['sorted-btree'],
  },
  { name: 'membership', from: 'membership/', files: ['base/', 'raft/types\\.ts'] },
  {
    name: 'wire',
    from: 'wire/',
    files: [
      'base/',
      'raft/',
      'machine/commands\\.ts',
      'machine/state-rows\\.ts',
      'membership/table\\.ts',
      'membership/report\\.ts',
      'transport/transport\\.ts',
    ],
  },
  {
    name: 'storage',
    from: 'storage/',
    except: 'storage/(?:node-disk|folder-lock)\\.ts',
    files: ['base/', 'raft/types\\.ts', 'wire/'],
    node: ['zlib'],
  },
  // The two that touch the system: the real disk, and the lock on a data folder.
  {
    name: 'storage-node-disk',
    from: 'storage/node-disk\\.ts',
    files: ['base/', 'storage/', 'raft/types\\.ts', 'wire/'],
    node: ['fs'],
  },
  {
    name: 'storage-folder-lock',
    from: 'storage/folder-lock\\.ts',
    files: ['base/', 'storage/'],
    node: ['fs', 'fs/promises', 'net', 'path'],
  },
  {
    name: 'transport',
    from: 'transport/',
    files: ['base/', 'raft/types\\.ts', 'raft/messages\\.ts', 'wire/'],
    node: ['crypto', 'dgram', 'dns', 'dns/promises', 'net', 'os'],
    // noble: the cipher of private networks (docs/security.md).
    packages: [...libp2pFamily, '@noble/ciphers'],
  },
  // wire: docs/adr/0007. Of storage and transport the ports alone.
  {
    name: 'replica',
    from: 'replica/',
    files: [
      'base/',
      'raft/',
      'machine/',
      'membership/',
      'wire/',
      'storage/(?:disk|log-store|snapshot-store)\\.ts',
      'transport/transport\\.ts',
    ],
  },
  ...['native', 'http', 'etcd', 'zookeeper'].map((front) => ({
    name: `front-${front}`,
    from: `front/${front}/`,
    files: ['base/', 'wire/', 'machine/commands\\.ts', 'replica/api\\.ts']
      // The native protocol's own library is our transport: a stream of its port.
      .concat(front === 'native' ? ['transport/transport\\.ts'] : []),
    node: front === 'native' ? [] : ['[a-z0-9_/]+'],
    packages: front === 'native' ? [] : [anyPackage],
  })),
  {
    name: 'client',
    from: 'client/',
    files: ['base/', 'wire/', 'machine/commands\\.ts', 'transport/'],
  },
  {
    name: 'server',
    from: 'server/',
    files: ['(?!client/|cli/|index\\.ts)'],
    node: ['[a-z0-9_/]+'],
    packages: [anyPackage],
  },
  {
    name: 'cli',
    from: 'cli/',
    files: ['base/', 'client/', 'server/'],
    node: ['[a-z0-9_/]+'],
    packages: [anyPackage],
  },
  // The library's entry names what is public, wherever its types stand.
  {
    name: 'index',
    from: 'index\\.ts',
    files: ['base/', 'client/', 'server/', 'machine/commands\\.ts', 'wire/client-messages\\.ts'],
  },
];

function rowRules(row) {
  const from = { path: `^src/${row.from}`, ...(row.except && { pathNot: `^src/${row.except}$` }) };
  const own = row.from.endsWith('/') ? [row.from] : [];
  const files = [...own, ...row.files].map(
    (file) => `^src/${file}${file.endsWith('.ts') ? '$' : ''}`,
  );
  const node = (row.node ?? []).map((module) => `^(?:node:)?${module}$`);
  const packages = (row.packages ?? []).map((name) => `(?:^|/)node_modules/${name}(?:/|$)`);
  return [
    {
      name: `${row.name}-imports-files`,
      comment: `src/${row.from} may import: ${row.files.join(', ') || 'nothing'}.`,
      severity: 'error',
      from,
      to: { path: '^src/', pathNot: files },
    },
    {
      name: `${row.name}-imports-outside`,
      comment: `src/${row.from} may use outside: ${[...node, ...packages].join(', ') || 'nothing'}.`,
      severity: 'error',
      from,
      to: { pathNot: ['^src/', ...node, ...packages], dependencyTypesNot: unfound },
    },
  ];
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...table.flatMap(rowRules),
    {
      name: 'every-file-has-a-row',
      comment: 'A file of src that no row of the table speaks of may import nothing: add the row.',
      severity: 'error',
      from: { path: '^src/', pathNot: table.map((row) => `^src/${row.from}`) },
      to: {},
    },
    {
      name: 'no-cycles',
      comment: 'Files that import each other (for more than types) are one file in pieces.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'found-and-declared',
      comment: 'An import that cannot be found, or a package that package.json does not name.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: [...unfound, 'npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
