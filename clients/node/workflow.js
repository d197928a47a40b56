// The whole work of a user by the official Node SDK: from an empty VPC to healthy targets, and back to nothing.
//
// The SDK signs with the older of the two documented algorithms, escapes the colon of actions in paths, sends no nulls,
// and rejects its promise when the API refuses.
'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')

// Installed beside everything else that is built, not beside this file.
const modules = path.join(process.env.DNLB_NODE_MODULES, 'jdcloud-sdk-js/src')
const service = name => require(path.join(modules, 'services', name))
// The SDK's own logger prints everything.
require(path.join(modules, 'lib/core')).config.logger = () => {}
const [Ag, Lb, Vm, Vpc] = ['ag', 'lb', 'vm', 'vpc'].map(service)

const NAME = 'node'
const ANYBODY = '0.0.0.0/0'
const OUTSIDE = '198.51.100.10'
const start = Date.now()

const configuration = secretAccessKey => ({
  credentials: { accessKeyId: process.env.DNLB_ACCESS_KEY, secretAccessKey },
  regionId: process.env.DNLB_REGION,
  endpoint: { protocol: process.env.DNLB_SCHEME, host: process.env.DNLB_ENDPOINT }
})
const ours = configuration(process.env.DNLB_SECRET_KEY)
const [ag, lb, vm, vpc] = [new Ag(ours), new Lb(ours), new Vm(ours), new Vpc(ours)]

const step = words => console.log(`${((Date.now() - start) / 1000).toFixed(1).padStart(6)} s  ${words}`)

// The result of a reply, which has a request id beside it.
async function result (reply) {
  const { requestId, result } = await reply
  assert.ok(requestId, 'a reply without a request id')
  return result
}

// A call that must be refused with this code and status, and a message with these words.
async function refused (code, status, words, reply) {
  const found = await reply.then(() => assert.fail(`not refused with ${code}`), error => error)
  assert.ok(found.error, String(found))
  assert.deepEqual([found.error.code, found.error.status], [code, status], found.error.message)
  assert.ok(found.error.message.includes(words), `${found.error.message} does not say ${words}`)
  assert.equal(found.responseObj.status, code)
}

// The first true value that `look` gives; fails when none comes in time.
async function until (what, look, seconds = 90) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    const found = await look()
    if (found) return found
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  assert.fail(`no ${what} after ${seconds} s`)
}

// Sends requests from outside, each over a connection of its own; says who answered how many.
async function send (url, connections) {
  const load = ['dnlb', 'guest', 'load', '--connections', String(connections), '--url', url]
  const command = ['lab', '--name', process.env.DNLB_LAB, 'exec', 'client', '--', ...load]
  return JSON.parse((await promisify(execFile)(process.env.DNLB_BIN, command)).stdout)
}

const answers = url => until('answer', async () => (await send(url, 32)).failed === 0)
const refusal = url => until('refusal', async () => (await send(url, 8)).failed === 8)

// Sends requests that must all be answered, by exactly these instances, who must see the client's own address.
async function answered (url, connections, instances) {
  // Health, too, has its way to the rows of who balances.
  await promisify(execFile)(process.env.DNLB_BIN, ['status', '--wait'])
  const served = await send(url, connections)
  assert.equal(served.failed, 0, JSON.stringify(served.errors))
  assert.deepEqual(Object.keys(served.clients), [OUTSIDE])
  assert.deepEqual(Object.keys(served.instances).sort(), [...instances].sort())
}

const filters = wanted => Object.entries(wanted).map(([name, value]) => ({ name, values: [value].flat() }))

async function work () {
  await refused(401, 'ACCESS_ERROR', 'Invalid authentication', new Vpc(configuration('wrong')).describeVpcs({}))

  const { vpcId } = await result(vpc.createVpc({ vpcName: NAME, addressPrefix: '10.77.0.0/16', description: '名称' }))
  assert.equal((await result(vpc.describeVpc({ vpcId }))).vpc.description, '名称')
  const network = { vpcId, subnetName: NAME, addressPrefix: '10.77.1.0/24' }
  const { subnetId } = await result(vpc.createSubnet(network))
  const group = { vpcId, networkSecurityGroupName: NAME }
  const { networkSecurityGroupId } = await result(vpc.createNetworkSecurityGroup(group))
  await result(vpc.addNetworkSecurityGroupRules({
    networkSecurityGroupId,
    networkSecurityGroupRuleSpecs: [
      { protocol: 6, direction: 0, addressPrefix: ANYBODY, fromPort: 8080, toPort: 8080 },
      { protocol: 300, direction: 1, addressPrefix: ANYBODY }
    ]
  }))
  const { networkAclId } = await result(vpc.createNetworkAcl({ vpcId, networkAclName: NAME }))
  await result(vpc.addNetworkAclRules({
    networkAclId,
    networkAclRuleSpecs: ['ingress', 'egress'].map(direction => (
      { protocol: 'All', direction, addressPrefix: ANYBODY, ruleAction: 'allow', priority: 1000 }
    ))
  }))
  await result(vpc.associateNetworkAcl({ networkAclId, subnetIds: [subnetId] }))
  const { images: [{ imageId }] } = await result(vm.describeImages({ imageSource: 'public', offline: false }))
  const { instanceTypes: [{ instanceType, state }] } = await result(vm.describeInstanceTypes({}))
  const networkInterface = { subnetId, securityGroups: [networkSecurityGroupId] }
  const { instanceTemplateId } = await result(vm.createInstanceTemplate({
    name: NAME,
    instanceTemplateData: { instanceType, imageId, primaryNetworkInterface: { networkInterface } }
  }))
  const azs = state.map(({ az }) => az)
  const { agId } = await result(ag.createAg({ azs, agName: NAME, instanceTemplateId }))
  const { instanceIds } = await result(vm.createInstances({
    maxCount: 2, instanceSpec: { name: 'web-[1]', agId, userTags: [{ key: 'made by', value: 'a+b & c' }] }
  }))
  await until('running instances', async () => {
    // The key has a blank, the value more than that: what the SDK makes of them must be what is signed.
    const wanted = { tags: [{ key: 'made by', values: ['a+b & c'] }], filters: filters({ agId }) }
    const { instances } = await result(vm.describeInstances(wanted))
    assert.deepEqual(instances.map(one => one.instanceName), ['web-1', 'web-2'])
    return instances.every(one => one.status === 'running')
  })
  step(`network ${vpcId}, group ${agId}`)

  const balancer = { loadBalancerName: NAME, subnetId, type: 'dnlb', deleteProtection: true }
  const { loadBalancerId } = await result(lb.createLoadBalancer(balancer))
  const { elasticIpIds: [elasticIpId] } = await result(vpc.createElasticIps({
    maxCount: 1, elasticIpSpec: { bandwidthMbps: 5, provider: 'bgp' }
  }))
  await result(lb.associateElasticIp({ loadBalancerId, elasticIpId }))
  const backend = { backendName: NAME, loadBalancerId, protocol: 'Tcp', port: 8080, algorithm: 'QuintupleHash' }
  const healthCheckSpec = {
    protocol: 'Tcp', healthyThresholdCount: 1, unhealthyThresholdCount: 1, checkTimeoutSeconds: 2
  }
  const { backendId } = await result(lb.createBackend({ ...backend, agIds: [agId], healthCheckSpec }))
  const listener = { listenerName: NAME, protocol: 'Tcp', port: 80, backendId, loadBalancerId }
  const { listenerId } = await result(lb.createListener(listener))
  const healthy = count => until('healthy targets', async () => {
    const { targetHealths } = await result(lb.describeTargetHealth({ backendId }))
    return targetHealths.filter(one => one.status === 'healthy').length === count
  })
  await healthy(2)
  const shown = await result(lb.describeLoadBalancers({ filters: filters({ loadBalancerType: 'dnlb', vpcId }) }))
  assert.equal(shown.totalCount, 1)
  const url = `http://${shown.loadBalancers[0].privateIp.elasticIpAddress}/`
  await answers(url)
  await answered(url, 200, instanceIds)
  step('served by the group')

  await result(lb.updateListener({ listenerId, status: 'Off' }))
  await refusal(url)
  await result(lb.updateListener({ listenerId, status: 'On' }))
  await answers(url)
  step('off and on')

  const { targetGroupId } = await result(lb.createTargetGroup({ targetGroupName: NAME, loadBalancerId }))
  const [first, second] = instanceIds
  const targetSpecs = [{ instanceId: first, weight: 50 }, { instanceId: second }]
  await result(lb.registerTargets({ targetGroupId, targetSpecs }))
  const { targets } = await result(lb.describeTargets({ targetGroupId, filters: filters({ instanceId: second }) }))
  assert.deepEqual(targets.map(one => [one.instanceId, one.weight]), [[second, 10]])
  const { targetId } = targets[0]
  await result(lb.updateTargets({ targetGroupId, targetUpdateSpecs: [{ targetId, weight: 9 }] }))
  await result(lb.updateBackend({ backendId, targetGroupIds: [targetGroupId] }))
  await healthy(2)
  await result(lb.deRegisterTargets({ targetGroupId, targetIds: [targetId] }))
  await until('one', async () => Object.keys((await send(url, 64)).instances).length === 1)
  await answered(url, 100, [first])
  await result(lb.updateBackend({ backendId, agIds: [agId] }))
  await result(lb.deleteTargetGroup({ targetGroupId }))
  step('target group')

  await result(ag.abandonInstances({ agId, instanceIds: [second] }))
  assert.equal((await result(ag.describeAg({ agId }))).ag.count, 1)
  const { quota } = await result(vpc.describeQuota({ type: 'subnet', parentResourceId: vpcId }))
  assert.equal(quota.count, 1)
  assert.equal((await result(ag.describeQuotas({}))).quotas[0].resourceType, 'ag')
  assert.equal((await result(vm.describeQuotas({}))).quotas[0].resourceType, 'instance')
  await refused(400, 'INVALID_ARGUMENT', 'port 0', lb.createListener({ ...listener, port: 0 }))
  await refused(409, 'ALREADY_EXISTS', 'port 80', lb.createListener(listener))
  await refused(404, 'NOT_FOUND', 'backend-x', lb.describeBackend({ backendId: 'backend-x' }))
  for (let number = 2; number <= quota.maxLimit; number++) {
    await result(vpc.createSubnet({ ...network, addressPrefix: `10.77.${number}.0/24` }))
  }
  const tooMany = vpc.createSubnet({ ...network, addressPrefix: '10.77.100.0/24' })
  await refused(429, 'QUOTA_EXCEEDED', 'Out of resource quota', tooMany)
  step('quotas and refusals')

  await refused(400, 'FAILED_PRECONDITION', listenerId, lb.deleteBackend({ backendId }))
  await result(lb.deleteListener({ listenerId }))
  await result(lb.deleteBackend({ backendId }))
  await refused(400, 'FAILED_PRECONDITION', 'deleteProtection', lb.deleteLoadBalancer({ loadBalancerId }))
  await result(lb.updateLoadBalancer({ loadBalancerId, deleteProtection: false }))
  await result(lb.disassociateElasticIp({ loadBalancerId, elasticIpId }))
  await result(lb.deleteLoadBalancer({ loadBalancerId }))
  await result(vpc.deleteElasticIp({ elasticIpId }))
  for (const instanceId of instanceIds) await result(vm.deleteInstance({ instanceId }))
  await result(ag.deleteAg({ agId }))
  await result(vm.deleteInstanceTemplate({ instanceTemplateId }))
  await result(vpc.disassociateNetworkAcl({ networkAclId, subnetId }))
  await result(vpc.deleteNetworkAcl({ networkAclId }))
  await result(vpc.deleteNetworkSecurityGroup({ networkSecurityGroupId }))
  const { subnets } = await result(vpc.describeSubnets({ pageSize: 100, filters: filters({ vpcId }) }))
  for (const { subnetId } of subnets) await result(vpc.deleteSubnet({ subnetId }))
  await result(vpc.deleteVpc({ vpcId }))
  await refused(404, 'NOT_FOUND', vpcId, vpc.describeVpc({ vpcId }))
  step('back to nothing')
}

work().then(
  () => step(`jdcloud-sdk-js ${require(path.join(modules, '../package.json')).version}`),
  error => {
    console.error(error)
    process.exitCode = 1
  }
)
