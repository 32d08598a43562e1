// Read {name: definition} from stdin; print {name: {validator: [message, ...]}} of two npm packages.
const aslValidator = require("asl-validator");
const { getLanguageService } = require("amazon-states-language-service");
const { TextDocument } = require("vscode-languageserver-textdocument");

const ERROR = 1;

async function languageService(text) {
  const service = getLanguageService({});
  const document = TextDocument.create("memory://machine.asl.json", "asl", 1, text);
  const found = await service.doValidation(document, service.parseJSONDocument(document));
  return found.filter((one) => one.severity === ERROR).map((one) => one.message);
}

function validator(definition) {
  const { isValid, errors } = aslValidator(definition);
  return isValid ? [] : errors.map((one) => `${one["Error code"]}: ${one.Message}`);
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const machines = JSON.parse(Buffer.concat(chunks).toString());
  const verdicts = {};
  for (const [name, definition] of Object.entries(machines)) {
    verdicts[name] = {
      "asl-validator": validator(definition),
      "amazon-states-language-service": await languageService(JSON.stringify(definition)),
    };
  }
  console.log(JSON.stringify(verdicts));
}

main();
