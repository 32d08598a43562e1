// Let npm's openwhisk-composer build, parse, compile and run compositions.
// stdin: [{source} or {json}, each with params and runs]; stdout: [{compiled, lowered, result}]
'use strict'

const terser = require('terser')
const { minify } = terser
const minified = {} // the conductor's own code is the same each time, and slow to make smaller
terser.minify = (code, options) => { return minified[code] || (minified[code] = minify(code, options)) }

const composer = require('openwhisk-composer')
const conductor = require('openwhisk-composer/conductor')
const out = process.stdout
console.log = () => {}

const actions = {
  '/_/DivideByTwo': ({ n }) => ({ n: n / 2 }),
  '/_/TripleAndIncrement': ({ n }) => ({ n: n * 3 + 1 }),
  '/_/isNotOne': ({ n }) => ({ value: n !== 1 }),
  '/_/isEven': ({ n }) => ({ value: n % 2 === 0 }),
  '/_/echo': params => params,
  '/_/fail': ({ n }) => ({ error: 'failed', n: n === undefined ? null : n })
}

const crossed = value => JSON.parse(JSON.stringify(value))

async function run (compiled, params) {
  const code = conductor.generate(Object.assign({ name: 'test' }, compiled)).action.exec.code
  const main = new Function('require', `${code};return main`)(require)
  let result = crossed(await main(crossed(params)))
  while (result.action !== undefined) {
    const action = actions[result.action]
    const answer = action ? action(result.params) : { error: `no action ${result.action}` }
    result = crossed(await main(Object.assign({}, crossed(answer), result.state)))
  }
  return result.error === undefined ? result.params : { error: result.error }
}

async function answer ({ source, json, params, runs }) {
  const build = new Function('composer', `return composer.task(${source})`)
  const composition = source === undefined ? composer.parse(json.composition) : build(composer)
  const compiled = composition.compile()
  return {
    compiled,
    lowered: composition.lower(),
    result: runs ? await run(compiled, params) : null
  }
}

async function all (given) {
  const answers = []
  for (const one of given) answers.push(await answer(one))
  out.write(JSON.stringify(answers))
}

all(JSON.parse(require('fs').readFileSync(0, 'utf8')))
