// Drives the official client for Node (npm @pinecone-database/pinecone 9.0.0, unmodified) against
// `rehome pinecone-local`, through every operation that it has.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';

const { Pinecone } = createRequire(import.meta.url)(process.env.REHOME_PINECONE_CLIENT);
const KEY = 'smoke';
const PLACE = { serverless: { cloud: 'aws', region: 'us-east-1' } };

class Server {
  static async start(...flags) {
    const server = new Server();
    server.directory = mkdtempSync(join(tmpdir(), 'rehome-node-'));
    server.process = spawn(
      process.env.REHOME_BINARY,
      ['pinecone-local', '--port', '0', '--dir', server.directory, '--api-key', KEY, ...flags],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface(server.process.stdout)) {
      server.url = line.split(' ')[1];
      break;
    }
    return server;
  }
  async stop() {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill();
    await gone;
    rmSync(this.directory, { recursive: true });
  }
  client(options = {}) {
    return new Pinecone({ apiKey: KEY, controllerHostUrl: this.url, ...options });
  }
  async impose(conditions) {
    const answer = await fetch(this.url + '/_admin/conditions',
      { method: 'POST', headers: { 'Api-Key': KEY }, body: JSON.stringify(conditions) });
    assert.equal(answer.status, 200);
  }
}

const named = (name) => (error) => {
  assert.equal(error.name, name, String(error));
  return true;
};
const saying = (name, text) => (error) => {
  assert.equal(error.name, name, String(error));
  assert.match(error.message, text);
  return true;
};

let server;
let client;
before(async () => {
  server = await Server.start('--admin');
  client = server.client();
});
after(() => server.stop());

describe('indexes', () => {
  test('a dense index is described as it was made', async () => {
    await client.createIndex({ name: 'dense', dimension: 3, metric: 'cosine', spec: PLACE, tags: { k: 'v' }, waitUntilReady: true });
    const found = await client.describeIndex('dense');
    assert.deepEqual([found.name, found.dimension, found.metric, found.vectorType, found.deletionProtection, found.tags],
      ['dense', 3, 'cosine', 'dense', 'disabled', { k: 'v' }]);
    assert.equal(found.status.ready, true);
    assert.ok(found.host.startsWith('http://127.0.0.1:'));
    assert.ok((await client.listIndexes()).indexes.some((index) => index.name === 'dense'));
    await assert.rejects(client.createIndex({ name: 'dense', dimension: 3, spec: PLACE }), named('PineconeConflictError'));
    await client.createIndex({ name: 'dense', dimension: 3, spec: PLACE, suppressConflicts: true });
  });
  test('a sparse index has no dimension', async () => {
    await client.createIndex({ name: 'sparse', vectorType: 'sparse', metric: 'dotproduct', spec: PLACE });
    const found = await client.describeIndex('sparse');
    assert.deepEqual([found.dimension, found.metric, found.vectorType], [undefined, 'dotproduct', 'sparse']);
    const index = client.index({ name: 'sparse' });
    await index.upsert({ records: [{ id: 's', sparseValues: { indices: [1, 5], values: [0.5, 0.25] } }] });
    const { records } = await index.fetch({ ids: ['s'] });
    assert.deepEqual(records.s.sparseValues, { indices: [1, 5], values: [0.5, 0.25] });
    assert.equal((await index.describeIndexStats()).dimension, undefined);
  });
  test('tags merge, protection protects', async () => {
    await client.createIndex({ name: 'kept', dimension: 2, spec: PLACE, tags: { a: '1', b: '2' }, deletionProtection: 'enabled' });
    await client.configureIndex({ name: 'kept', tags: { a: '', c: '3' } });
    assert.deepEqual((await client.describeIndex('kept')).tags, { b: '2', c: '3' });
    await assert.rejects(client.deleteIndex('kept'), saying('PineconeBadRequestError', /Deletion protection is enabled for this index/));
    await client.configureIndex({ name: 'kept', deletionProtection: 'disabled' });
    await client.deleteIndex('kept');
    await assert.rejects(client.describeIndex('kept'), named('PineconeNotFoundError'));
  });
  test('names are judged', async () => {
    await assert.rejects(client.createIndex({ name: 'Bad_Name', dimension: 2, spec: PLACE }),
      saying('PineconeBadRequestError', /alphanumeric character/));
    await assert.rejects(client.createIndex({ name: 'elsewhere', dimension: 2, spec: { serverless: { cloud: 'aws', region: 'xx' } } }),
      named('PineconeNotFoundError'));
  });
  test('what cannot be made here is an empty list', async () => {
    assert.deepEqual((await client.listBackups()).data, []);
    assert.deepEqual((await client.listCollections()).collections, []);
    assert.deepEqual((await client.listRestoreJobs()).data, []);
    for (const nothing of [
      () => client.describeBackup('none'),
      () => client.deleteBackup('none'),
      () => client.createIndexFromBackup({ backupId: 'none', name: 'back' }),
      () => client.describeRestoreJob('none'),
      () => client.describeCollection('none'),
      () => client.deleteCollection('none'),
    ]) {
      await assert.rejects(nothing(), named('PineconeNotFoundError'));
    }
    await assert.rejects(client.createCollection({ name: 'c', source: 'dense' }), saying('PineconeBadRequestError', /pod indexes/));
    const once = server.client({ maxRetries: 0 });
    await assert.rejects(once.createBackup({ indexName: 'dense', name: 'b' }), named('PineconeMaxRetriesExceededError'));
  });
});

describe('vectors', () => {
  let index;
  before(async () => {
    index = client.index({ host: server.url, namespace: 'ns' });
    await index.upsert({
      records: Array.from({ length: 7 }, (_, i) => ({
        id: `v${i}`, values: [1, i, 0.5], metadata: { n: i, tag: i % 2 ? 'odd' : 'even', list: ['a', `l${i}`], yes: i > 3 },
      })),
    });
  });

  test('query by vector, by id and with a filter', async () => {
    const found = await index.query({ vector: [1, 3, 0.5], topK: 3, includeValues: true, includeMetadata: true });
    assert.equal(found.matches[0].id, 'v3');
    assert.ok(Math.abs(found.matches[0].score - 1) < 1e-6);
    assert.deepEqual(found.matches[0].values, [1, 3, 0.5]);
    assert.deepEqual(found.matches[0].metadata, { n: 3, tag: 'odd', list: ['a', 'l3'], yes: false });
    assert.equal(found.namespace, 'ns');
    const all = await index.query({ id: 'v2', topK: 100 });
    assert.equal(all.matches.length, 7);
    assert.equal(all.matches[0].id, 'v2');
    assert.deepEqual(all.matches[0].values, []);
    assert.equal(all.matches[0].metadata, undefined);
    assert.deepEqual((await index.query({ id: 'nobody', topK: 3 })).matches, []);
  });
  test('filters', async () => {
    const cases = [
      [{ tag: 'odd' }, ['v1', 'v3', 'v5']],
      [{ n: { $gte: 2, $lt: 4 } }, ['v2', 'v3']],
      [{ n: { $in: [0, 6] } }, ['v0', 'v6']],
      [{ list: 'l4' }, ['v4']],
      [{ $or: [{ n: 0 }, { yes: true, tag: 'odd' }] }, ['v0', 'v5']],
      [{ $and: [{ list: 'a' }, { n: { $ne: 1 } }, { n: { $lte: 2 } }] }, ['v0', 'v2']],
      [{ none: { $exists: false }, n: { $nin: [0, 1, 2, 3, 4, 5] } }, ['v6']],
      [{ n: { $gt: 5 } }, ['v6']],
    ];
    for (const [filter, ids] of cases) {
      const found = await index.query({ vector: [1, 1, 1], topK: 9, filter });
      assert.deepEqual(found.matches.map((match) => match.id).sort(), ids, JSON.stringify(filter));
      assert.deepEqual(Object.keys((await index.fetchByMetadata({ filter })).records).sort(), ids, JSON.stringify(filter));
    }
    await assert.rejects(index.query({ vector: [1, 1, 1], topK: 9, filter: { n: { $gt: 'x' } } }),
      saying('PineconeBadRequestError', /the \$gt operator must be followed by a number, got string instead/));
    await assert.rejects(index.query({ vector: [1, 1, 1], topK: 9, filter: { n: { $contains: 'x' } } }),
      saying('PineconeBadRequestError', /\$contains is not a valid operator/));
  });
  test('unusual ids go there and back', async () => {
    const odd = ['a b', 'x/y', '50%', 'a&b=c', '#', '+plus', "'", '"', '\\'];
    const other = index.namespace('odd ids/and names');
    await other.upsert({ records: odd.map((id) => ({ id, values: [1, 2, 3] })) });
    assert.deepEqual(Object.keys((await other.fetch({ ids: [...odd, 'nobody'] })).records).sort(), [...odd].sort());
    await other.deleteMany({ ids: odd });
    assert.deepEqual((await other.listPaginated()).vectors, []);
  });
  test('lists in pages, none after the last', async () => {
    const pages = index.namespace('pages');
    await pages.upsert({ records: Array.from({ length: 12 }, (_, i) => ({ id: `p${String(i).padStart(2, '0')}`, values: [1, 2, i + 1] })) });
    const first = await pages.listPaginated({ prefix: 'p', limit: 3 });
    assert.deepEqual(first.vectors.map((one) => one.id), ['p00', 'p01', 'p02']);
    const rest = await pages.listPaginated({ prefix: 'p', limit: 10, paginationToken: first.pagination.next });
    assert.equal(rest.vectors.length, 9);
    assert.equal(rest.pagination, undefined);
    await assert.rejects(pages.listPaginated({ limit: 500 }), named('PineconeBadRequestError'));
    await assert.rejects(pages.listPaginated({ paginationToken: 'zz' }), named('PineconeBadRequestError'));
  });
  test('upsert replaces, update merges', async () => {
    const changed = index.namespace('changed');
    const record = async (id) => (await changed.fetch({ ids: [id] })).records[id];
    await changed.upsert({ records: [{ id: 'a', values: [1, 2, 3], metadata: { x: 1, y: 'z' } }] });
    await changed.update({ id: 'a', values: [3, 2, 1] });
    assert.deepEqual([(await record('a')).values, (await record('a')).metadata], [[3, 2, 1], { x: 1, y: 'z' }]);
    await changed.update({ id: 'a', metadata: { x: 2, w: true } });
    assert.deepEqual((await record('a')).metadata, { x: 2, y: 'z', w: true });
    await changed.update({ filter: { x: 2 }, metadata: { seen: 'yes' } });
    assert.equal((await record('a')).metadata.seen, 'yes');
    await changed.update({ id: 'nobody', values: [1, 1, 1] });
    assert.equal(await record('nobody'), undefined);
    await changed.upsert({ records: [{ id: 'a', values: [1, 1, 1] }] });
    assert.equal((await record('a')).metadata, undefined);
  });
  test('deletes only what was meant', async () => {
    const gone = index.namespace('gone');
    await gone.upsert({ records: ['a', 'b', 'c', 'd'].map((id, n) => ({ id, values: [1, 2, 3], metadata: { n } })) });
    const ids = async () => (await gone.listPaginated()).vectors.map((one) => one.id);
    await gone.deleteOne({ id: 'a' });
    await gone.deleteMany({ ids: ['b', 'nobody'] });
    assert.deepEqual(await ids(), ['c', 'd']);
    await gone.deleteMany({ filter: { n: { $gt: 2 } } });
    assert.deepEqual(await ids(), ['c']);
    await gone.deleteAll();
    assert.deepEqual(await ids(), []);
    const never = index.namespace('never');
    for (const mode of [() => never.deleteAll(), () => never.deleteOne({ id: 'a' }), () => never.deleteMany({ filter: { n: 1 } })]) {
      await assert.rejects(mode(), named('PineconeNotFoundError'));
    }
  });
  test('pages by metadata', async () => {
    const first = await index.fetchByMetadata({ filter: { tag: 'even' }, limit: 3 });
    assert.deepEqual(Object.keys(first.records).sort(), ['v0', 'v2', 'v4']);
    const rest = await index.fetchByMetadata({ filter: { tag: 'even' }, limit: 3, paginationToken: first.pagination.next });
    assert.deepEqual(Object.keys(rest.records), ['v6']);
    assert.equal(rest.pagination, undefined);
  });
  test('statistics add up', async () => {
    const stats = await index.describeIndexStats();
    assert.equal(stats.dimension, 3);
    assert.equal(stats.namespaces.ns.recordCount, 7);
    assert.equal(stats.totalRecordCount, Object.values(stats.namespaces).reduce((sum, one) => sum + one.recordCount, 0));
    assert.ok(stats.indexFullness >= 0 && stats.indexFullness <= 1);
    await assert.rejects(index.describeIndexStats({ filter: { n: 1 } }), named('PineconeBadRequestError'));
  });
  test('the default namespace has one name', async () => {
    const plain = client.index({ host: server.url });
    await plain.upsert({ records: [{ id: 'd', values: [1, 2, 3] }] });
    assert.deepEqual(Object.keys((await plain.namespace('__default__').fetch({ ids: ['d'] })).records), ['d']);
    assert.equal((await plain.describeIndexStats()).namespaces.__default__.recordCount, 1);
    await plain.deleteAll();
  });
  test('wrong input is refused', async () => {
    const refused = async (values, text, more = {}) =>
      assert.rejects(index.upsert({ records: [{ id: 'w', values, ...more }] }), saying('PineconeBadRequestError', text));
    await refused([1, 2], /Vector dimension 2 does not match the dimension of the index 3/);
    await refused([0, 0, 0], /only zeros/);
    await refused([NaN, 2, 3], /finite/);
    await refused([1, 2, 3], /exceeds the limit of 40960 bytes/, { metadata: { x: 'y'.repeat(41000) } });
    await refused([1, 2, 3], /Metadata value must be a string, number, boolean or list of strings, got '{"y":1.0}' for field 'x'/, { metadata: { x: { y: 1 } } });
    await refused([1, 2, 3], /Metadata value/, { metadata: { x: null } });
    await assert.rejects(index.upsert({ records: [{ id: 'ä', values: [1, 2, 3] }] }), saying('PineconeBadRequestError', /ASCII/));
    await assert.rejects(index.query({ vector: [1, 2], topK: 1 }), saying('PineconeBadRequestError', /dimension/));
    await assert.rejects(index.query({ vector: [1, 2, 3], topK: 10001 }), named('PineconeBadRequestError'));
  });
  test('squared distances, the smallest first', async () => {
    await client.createIndex({ name: 'far', dimension: 2, metric: 'euclidean', spec: PLACE });
    const far = client.index({ name: 'far' });
    await far.upsert({ records: [{ id: 'far', values: [9, 9] }, { id: 'near', values: [1, 1] }] });
    const found = await far.query({ vector: [1, 1], topK: 2 });
    assert.deepEqual(found.matches.map((match) => [match.id, match.score]), [['near', 0], ['far', 128]]);
  });
  test('dense and sparse scores add up', async () => {
    await client.createIndex({ name: 'hybrid', dimension: 2, metric: 'dotproduct', spec: PLACE });
    const hybrid = client.index({ name: 'hybrid' });
    await hybrid.upsert({ records: [{ id: 'both', values: [1, 0], sparseValues: { indices: [9], values: [2] } }, { id: 'dense', values: [2, 0] }] });
    const found = await hybrid.query({ vector: [1, 0], sparseVector: { indices: [9], values: [3] }, topK: 2 });
    assert.deepEqual(found.matches.map((match) => [match.id, match.score]), [['both', 7], ['dense', 2]]);
  });
});

describe('namespaces', () => {
  test('made, listed, described and deleted', async () => {
    const index = client.index({ host: server.url });
    const made = await index.createNamespace({ name: 'made/one two', schema: { fields: { g: { filterable: true } } } });
    assert.equal(made.recordCount ?? made.record_count, '0');
    assert.deepEqual(made.schema.fields, { g: { filterable: true } });
    await assert.rejects(index.createNamespace({ name: 'made/one two' }), named('PineconeConflictError'));
    await index.createNamespace({ name: 'made/two' });
    await index.createNamespace({ name: 'made/three' });
    const names = [];
    let paginationToken;
    do {
      const page = await index.listNamespaces({ prefix: 'made', limit: 1, paginationToken });
      names.push(...page.namespaces.map((one) => one.name));
      paginationToken = page.pagination?.next;
    } while (paginationToken);
    assert.deepEqual(names, ['made/one two', 'made/three', 'made/two']);
    assert.equal((await index.describeNamespace('made/one two')).name, 'made/one two');
    for (const name of names) {
      await index.deleteNamespace(name);
    }
    await assert.rejects(index.describeNamespace('made/two'), named('PineconeNotFoundError'));
    await assert.rejects(index.deleteNamespace('made/two'), named('PineconeNotFoundError'));
  });
});

describe('text', () => {
  test('records are embedded, found and shown', async () => {
    await client.createIndexForModel({ name: 'texts', cloud: 'aws', region: 'us-east-1', embed: { model: 'multilingual-e5-large', fieldMap: { text: 'chunk' } } });
    const index = client.index({ name: 'texts', namespace: 'ns' });
    await index.upsertRecords({ records: [{ id: 'r1', chunk: 'a dashboard for payments', year: 2020 }, { id: 'r2', chunk: 'hotel booking', year: 2021 }] });
    const found = await index.searchRecords({ query: { topK: 1, inputs: { text: 'payment dashboards' } }, fields: ['year'] });
    assert.equal(found.result.hits[0]._id, 'r1');
    assert.deepEqual(found.result.hits[0].fields, { year: 2020 });
    const near = await index.searchRecords({ query: { topK: 1, id: 'r2' } });
    assert.equal(near.result.hits[0]._id, 'r2');
    await assert.rejects(client.index({ host: server.url }).searchRecords({ query: { topK: 1, inputs: { text: 'x' } } }), named('PineconeBadRequestError'));
  });
  test('embed and models', async () => {
    const embedded = await client.inference.embed({ model: 'multilingual-e5-large', inputs: ['a cat', 'a dog'], parameters: { inputType: 'passage', truncate: 'END' } });
    assert.equal(embedded.data.length, 2);
    assert.equal(embedded.data[0].values.length, 1024);
    const { models } = await client.inference.listModels({ type: 'embed' });
    assert.deepEqual(models.map((model) => model.model).sort(), ['llama-text-embed-v2', 'multilingual-e5-large']);
    assert.equal((await client.inference.getModel('llama-text-embed-v2')).defaultDimension, 1024);
    await assert.rejects(client.inference.getModel('none'), named('PineconeNotFoundError'));
  });
  test('what there is not says so', async () => {
    const once = server.client({ maxRetries: 0 });
    await assert.rejects(once.inference.rerank({ model: 'bge-reranker-v2-m3', query: 'q', documents: ['a'] }), named('PineconeMaxRetriesExceededError'));
  });
});

describe('imports', () => {
  test('there are none', async () => {
    const index = client.index({ host: server.url });
    assert.deepEqual((await index.listImports()).data, []);
    assert.deepEqual((await index.listImports({ limit: 2 })).data, []);
    await assert.rejects(index.describeImport('1'), named('PineconeNotFoundError'));
    await assert.rejects(index.cancelImport('1'), named('PineconeNotFoundError'));
    const once = server.client({ maxRetries: 0 }).index({ host: server.url });
    await assert.rejects(once.startImport({ uri: 's3://b/d' }), named('PineconeMaxRetriesExceededError'));
  });
});

describe('hardships', () => {
  const index = () => client.index({ host: server.url, namespace: 'hard' });
  after(() => server.impose({}));
  test('three failures are ridden out, four are not', async () => {
    await server.impose({});
    await index().upsert({ records: [{ id: 'v', values: [1, 2, 3] }] });
    await server.impose({ faults: ['503,times=2'] });
    assert.deepEqual(Object.keys((await index().fetch({ ids: ['v'] })).records), ['v']);
    await server.impose({ faults: ['503,times=3'] });
    assert.deepEqual(Object.keys((await index().fetch({ ids: ['v'] })).records), ['v']);
    await server.impose({ faults: ['503'] });
    await assert.rejects(index().fetch({ ids: ['v'] }), named('PineconeMaxRetriesExceededError'));
  });
  test('429 is not tried again', async () => {
    await server.impose({ faults: ['429,times=1'] });
    await assert.rejects(index().fetch({ ids: ['v'] }), named('PineconeUnmappedHttpError'));
    assert.deepEqual(Object.keys((await index().fetch({ ids: ['v'] })).records), ['v']);
  });
  test('a slow answer is waited for', async () => {
    await server.impose({ faults: ['slow,delay=300,times=1'] });
    const start = performance.now();
    await index().fetch({ ids: ['v'] });
    assert.ok(performance.now() - start >= 290);
  });
  test('a quota is a refusal', async () => {
    await server.impose({ quota: 'starter,write_units=5' });
    await index().upsert({ records: [{ id: 'v', values: [1, 2, 3] }] });
    await assert.rejects(index().upsert({ records: [{ id: 'v', values: [1, 2, 3] }] }),
      saying('PineconeUnmappedHttpError', /write unit limit for the current month \(5\)/));
    await server.impose({ quota: 'starter,namespaces=1' });
    await assert.rejects(client.index({ host: server.url, namespace: 'one too many' }).upsert({ records: [{ id: 'v', values: [1, 2, 3] }] }),
      saying('PineconeBadRequestError', /max namespaces allowed in serverless index/));
  });
});

describe('reach', () => {
  test('another key is refused, nobody is not reached', async () => {
    const stranger = new Pinecone({ apiKey: 'wrong', controllerHostUrl: server.url });
    await assert.rejects(stranger.listIndexes(), saying('PineconeAuthorizationError', new RegExp(`${server.url}/indexes`)));
    const nobody = new Pinecone({ apiKey: KEY, controllerHostUrl: 'http://127.0.0.1:9', maxRetries: 0 });
    await assert.rejects(nobody.listIndexes(), named('PineconeConnectionError'));
  });
});
