// Run one action in a process of its own, again and again: requests come in as lines of JSON on
// stdin, results go out on the descriptor that the command line names.
'use strict'
const fs = require('fs')
const path = require('path')
const readline = require('readline')
const vm = require('vm')

const END = '\nXXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n'
const answers = Number(process.argv[2])
let main

function load (spec) {
  if (spec.folder) {
    const found = require(spec.folder)
    return found[spec.main || 'main']
  }
  const name = spec.main || 'main'
  const scope = require('module').createRequire(path.join(process.cwd(), 'action.js'))
  const made = vm.runInThisContext(
    `(function (exports, require, module) {${spec.code}\nreturn typeof ${name} === 'function' ? ${name} : exports.${name}\n})`)
  const module = { exports: {} }
  const found = made(module.exports, scope, module) || module.exports[name]
  if (typeof found !== 'function') throw new Error(`Action entrypoint '${name}' is not a function.`)
  return found
}

async function answer (request) {
  if (request.init) {
    try {
      main = load(request.init)
      return { ok: true }
    } catch (error) {
      console.error(error)
      return { ok: false, error: `Initialization has failed due to: ${error}` }
    }
  }
  Object.assign(process.env, request.env)
  try {
    const result = await main(request.params)
    return { result: result === undefined ? {} : result }
  } catch (error) {
    console.error(error)
    if (error instanceof Error) return { result: { error: `An error has occurred: ${error}` } }
    return { result: { error: error === undefined ? {} : error } }
  }
}

const lines = readline.createInterface({ input: process.stdin })
let last = Promise.resolve()
lines.on('line', line => {
  last = last.then(async () => {
    const text = JSON.stringify(await answer(JSON.parse(line)))
    fs.writeSync(1, END)
    fs.writeSync(2, END)
    fs.writeSync(answers, text + '\n')
  })
})
lines.on('close', () => process.exit(0))
