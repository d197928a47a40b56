// One change and one list by the official Node SDK over https, without a lab: whom it trusts says NODE_EXTRA_CA_CERTS.
'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')

const modules = path.join(process.env.DNLB_NODE_MODULES, 'jdcloud-sdk-js/src')
// The SDK's own logger prints everything.
require(path.join(modules, 'lib/core')).config.logger = () => {}
const Vpc = require(path.join(modules, 'services/vpc'))

async function work () {
  const vpc = new Vpc({
    credentials: { accessKeyId: process.env.DNLB_ACCESS_KEY, secretAccessKey: process.env.DNLB_SECRET_KEY },
    regionId: process.env.DNLB_REGION,
    endpoint: { protocol: process.env.DNLB_SCHEME, host: process.env.DNLB_ENDPOINT }
  })
  const { result: { vpcId } } = await vpc.createVpc({ vpcName: 'node', addressPrefix: '10.77.0.0/16' })
  const { result: { vpcs } } = await vpc.describeVpcs({})
  assert.deepEqual(vpcs.map(found => found.vpcId), [vpcId])
  await vpc.deleteVpc({ vpcId })
  console.log('a VPC was made, seen and deleted')
}

work().catch(error => {
  console.error(error)
  process.exitCode = 1
})
