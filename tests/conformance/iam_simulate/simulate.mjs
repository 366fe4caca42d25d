// Reads one simulation of @cloud-copilot/iam-simulate from each line of stdin, and writes its result as one line.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const { resolve } = createRequire(pathToFileURL(process.cwd() + '/'))
const { runSimulation } = await import(pathToFileURL(resolve('@cloud-copilot/iam-simulate')))

for await (const line of createInterface({ input: process.stdin })) {
  const result = await runSimulation(JSON.parse(line), {})
  const ignored = result.resultType === 'single' ? result.result.ignoredContextKeys : []
  console.log(JSON.stringify({ result: result.overallResult, errors: result.errors, ignored }))
}
