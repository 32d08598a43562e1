// Run one action in a process of its own, again and again: requests come in as lines of JSON on
// stdin, results go out on the descriptor that the command line names.
'use strict'
const fs = require('fs')
const { createRequire } = require('module')
const path = require('path')
const readline = require('readline')
const vm = require('vm')
const { unpack } = require('./action_archive.js')

const END = '\nXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n'
const answers = Number(process.argv[2])
const largest = Number(process.argv[3])
let main

function load (spec) {
  const name = spec.main || 'main'
  const found = spec.binary ? ofArchive(spec.code, name) : ofText(spec.code, name)
  // eslint-disable-next-line no-throw-literal
  if (typeof found !== 'function') throw `Action entrypoint '${name}' is not a function.`
  return found
}

function ofText (code, name) {
  const scope = createRequire(path.join(process.cwd(), 'action.js'))
  const made = vm.runInThisContext(
    `(function (exports, require, module) {${code}\nreturn typeof ${name} === 'function' ? ${name} : exports.${name}\n})`)
  const module = { exports: {} }
  return made(module.exports, scope, module) || module.exports[name]
}

function ofArchive (code, name) {
  const folder = path.join(process.cwd(), 'code')
  fs.mkdirSync(folder, { recursive: true })
  try {
    unpack(Buffer.from(code, 'base64'), folder)
  } catch (error) {
    console.error(error)
    throw 'There was an error uncompressing the action archive.' // eslint-disable-line no-throw-literal
  }
  if (!['package.json', 'index.js'].some(one => fs.existsSync(path.join(folder, one)))) {
    // eslint-disable-next-line no-throw-literal
    throw 'Zipped actions must contain either package.json or index.js at the root.'
  }
  process.chdir(folder)
  return name.split('.').reduce((found, part) => found[part], require(folder))
}

async function answer (request) {
  if (!request.init) return run(request)
  try {
    main = load(request.init)
    return { ok: true }
  } catch (error) {
    console.error('Error during initialization:', error)
    return { ok: false, error: `Initialization has failed due to: ${(error && error.stack) || error}` }
  }
}

async function run (request) {
  Object.assign(process.env, request.env)
  let promised
  try {
    promised = main(request.params)
  } catch (error) {
    console.error(error)
    return { failed: `An error has occurred: ${error}` }
  }
  try {
    const result = await promised
    return typeof result === 'object' || result === undefined ? { result: result === undefined ? {} : result } : refused(result)
  } catch (error) {
    return { result: { error: error ? shown(error) : {} } }
  }
}

function refused (result) {
  console.error(`Result must be of type object but has type "${typeof result}":`, result)
  return { failed: 'The action did not return a dictionary.' }
}

// Errors have no members that JSON would show.
function shown (error) {
  if (!(error instanceof Error)) return error
  return { name: error.name, message: error.message, stack: error.stack, ...error }
}

function bounded (made) {
  const text = JSON.stringify(made)
  const bytes = 'result' in made ? Buffer.byteLength(JSON.stringify(made.result)) : 0
  return bytes > largest ? JSON.stringify({ bytes, begin: JSON.stringify(made.result).slice(0, 1024) }) : text
}

const lines = readline.createInterface({ input: process.stdin })
let last = Promise.resolve()
lines.on('line', line => {
  last = last.then(async () => {
    const text = bounded(await answer(JSON.parse(line)))
    fs.writeSync(1, END)
    fs.writeSync(2, END)
    fs.writeSync(answers, text + '\n')
  })
})
lines.on('close', () => process.exit(0))
