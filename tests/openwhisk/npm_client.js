// Let npm's openwhisk client do what its page shows, against an endpoint.
// stdin: {apihost}; stdout: what it was answered
'use strict'

const openwhisk = require('openwhisk')

const pick = (given, ...names) => Object.fromEntries(names.map(name => [name, given[name]]))
const refused = promise => promise.then(() => null, error => ({ status: error.statusCode, error: error.error }))
const names = rows => rows.map(one => one.name)

async function actions (wsk) {
  const code = 'function main (params) { console.log("called"); return { hello: params.name, n: params.n } }'
  const made = await wsk.actions.create({ name: 'greet', action: code, params: { n: 7 }, limits: { timeout: 5000 } })
  const zip = await wsk.actions.create({ name: 'archived', action: Buffer.from(process.argv[2], 'base64') })
  await wsk.actions.create({ name: 'twice', sequence: ['/_/greet', '/_/greet'] })
  const again = await refused(wsk.actions.create({ name: 'greet', action: code }))
  const updated = await wsk.actions.update({ name: 'greet', action: code })
  const got = await wsk.actions.get('greet')
  const record = await wsk.actions.invoke({ name: 'greet', params: { name: 'Ada' }, blocking: true })
  const id = (await wsk.actions.invoke({ name: 'greet', params: { name: 'Bob' } })).activationId
  return {
    made: pick(made, 'name', 'namespace', 'version', 'limits', 'parameters'),
    zipped: [zip.exec.kind, await wsk.actions.invoke({ name: 'archived', blocking: true, result: true })],
    again: again.status,
    updated: updated.version,
    code: got.exec.code === code,
    record: pick(record, 'name', 'namespace', 'response', 'statusCode'),
    logs: (await wsk.activations.logs(record.activationId)).logs.map(line => line.split(' ').slice(1).join(' ')),
    result: await wsk.actions.invoke({ name: 'greet', params: { name: 'Eve' }, blocking: true, result: true }),
    sequence: await wsk.actions.invoke({ name: 'twice', params: { name: 'Eve' }, blocking: true, result: true }),
    later: (await ended(wsk, id)).response.result,
    names: names(await wsk.actions.list()).sort(),
    count: await wsk.actions.list({ count: true }),
    page: (await wsk.actions.list({ skip: 1, limit: 1 })).length,
    absent: await refused(wsk.actions.invoke({ name: 'absent', blocking: true })),
    deleted: (await wsk.actions.delete('twice')).name
  }
}

async function ended (wsk, id) {
  for (;;) {
    try {
      return await wsk.activations.get(id)
    } catch (error) {
      if (error.statusCode !== 404) throw error
    }
  }
}

async function activations (wsk) {
  const listed = await wsk.activations.list({ name: 'greet', limit: 2, docs: true })
  const first = await wsk.activations.get(listed[0].activationId)
  return {
    names: names(listed),
    same: first.activationId === listed[0].activationId,
    result: (await wsk.activations.result(first.activationId)).success
  }
}

async function others (wsk) {
  await wsk.packages.update({ name: 'kit', package: { parameters: [{ key: 'from', value: 'kit' }] } })
  await wsk.actions.update({ name: 'kit/show', action: 'const main = params => params' })
  await wsk.triggers.create({ name: 'event', trigger: { parameters: [{ key: 'a', value: 1 }] } })
  await wsk.rules.create({ name: 'rule', action: 'kit/show', trigger: 'event' })
  const fired = await wsk.triggers.invoke({ name: 'event', params: { b: 2 } })
  const record = await ended(wsk, fired.activationId)
  const called = await ended(wsk, JSON.parse(record.logs[0]).activationId)
  await wsk.rules.disable({ name: 'rule' })
  const disabled = (await wsk.rules.get('rule')).status
  await wsk.rules.enable({ name: 'rule' })
  const enabled = (await wsk.rules.get('rule')).status
  return {
    namespaces: await wsk.namespaces.list(),
    shown: await wsk.actions.invoke({ name: 'kit/show', blocking: true, result: true }),
    fired: called.response.result,
    statuses: [disabled, enabled],
    kit: (await wsk.packages.get('kit')).actions.map(one => one.name),
    lists: [names(await wsk.packages.list()), names(await wsk.triggers.list()), names(await wsk.rules.list())],
    removed: [
      (await wsk.rules.delete('rule')).name,
      (await wsk.triggers.delete('event')).name,
      (await wsk.actions.delete('kit/show')).name,
      (await wsk.packages.delete('kit')).name
    ]
  }
}

async function all ({ apihost }) {
  const wsk = openwhisk({ apihost, api_key: 'key:secret' })
  const told = { actions: await actions(wsk), activations: await activations(wsk), others: await others(wsk) }
  process.stdout.write(JSON.stringify(told))
}

all(JSON.parse(require('fs').readFileSync(0, 'utf8'))).catch(error => {
  console.error(error)
  process.exit(1)
})
