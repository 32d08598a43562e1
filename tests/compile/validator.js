// Read {name: definition} from stdin; print {name: [message, ...]} of npm's asl-validator.
const validate = require("asl-validator");

const machines = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const verdicts = {};
for (const [name, definition] of Object.entries(machines)) {
  const { isValid, errors } = validate(definition);
  verdicts[name] = isValid ? [] : errors.map((one) => `${one["Error code"]}: ${one.Message}`);
}
console.log(JSON.stringify(verdicts));
