// Unpack a zip archive into a folder, unless it would leave it or fill the disk.
'use strict'
const fs = require('fs')
const path = require('path')
const zlib = require('zlib')

const LARGEST_UNPACKED = 256 * 1024 * 1024
const [END, ENTRY] = [0x06054b50, 0x02014b50] // how the directory ends, how its entries begin
const [STORED, DEFLATED] = [0, 8]

function unpack (data, folder) {
  let end = data.length - 22
  while (end >= 0 && data.readUInt32LE(end) !== END) end--
  if (end < 0) throw new Error('the archive is broken')
  let at = data.readUInt32LE(end + 16)
  let left = LARGEST_UNPACKED
  for (let count = data.readUInt16LE(end + 10); count > 0; count--) {
    if (data.readUInt32LE(at) !== ENTRY) throw new Error('the archive is broken')
    const length = data.readUInt16LE(at + 28)
    const name = data.toString('utf8', at + 46, at + 46 + length)
    left -= write(place(folder, name), content(data, at, left))
    at += 46 + length + data.readUInt16LE(at + 30) + data.readUInt16LE(at + 32)
  }
}

function place (folder, name) {
  const found = path.resolve(folder, name)
  if (!found.startsWith(folder + path.sep)) throw new Error(`the archive has a path outside of its folder: ${name}`)
  return name.endsWith('/') ? found + path.sep : found
}

function content (data, at, left) {
  const method = data.readUInt16LE(at + 10)
  const begin = data.readUInt32LE(at + 42)
  const from = begin + 30 + data.readUInt16LE(begin + 26) + data.readUInt16LE(begin + 28)
  const packed = data.subarray(from, from + data.readUInt32LE(at + 20))
  if (data.readUInt32LE(at + 24) > left) throw new Error('the archive is too large when it is unpacked')
  if (method === STORED) return packed
  if (method !== DEFLATED) throw new Error(`the archive is packed by method ${method}, not by deflate`)
  return zlib.inflateRawSync(packed, { maxOutputLength: Math.max(left, 1) })
}

function write (file, content) {
  if (file.endsWith(path.sep)) {
    fs.mkdirSync(file, { recursive: true })
    return 0
  }
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
  return content.length
}

module.exports = { unpack }
