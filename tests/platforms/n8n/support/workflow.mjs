/** A workflow of a trigger, the node under test, and a node for each of its outputs. */
export function workflow(credential, { parameters = {}, onError, type = 'n8n-nodes-bizkithub.bizKitHub', credentialType = 'bizKitHubApi', typeVersion = 1 } = {}) {
  const node = (name, nodeType, position, rest) => ({ id: name, name, type: nodeType, typeVersion: 1, position, parameters: {}, ...rest });
  return {
    name: 'Tag customers',
    settings: { executionOrder: 'v1' },
    nodes: [
      node('Start', 'n8n-nodes-base.manualTrigger', [0, 0]),
      node('BizKitHub', type, [240, 0], {
        typeVersion,
        parameters: {
          resource: 'customer',
          operation: 'addGroups',
          email: '={{ $json.mail }}',
          groups: ['={{ $json.segment }}'],
          ...parameters,
        },
        ...(onError && { onError }),
        ...(credential && { credentials: { [credentialType]: { id: credential.id, name: credential.name } } }),
      }),
      node('Done', 'n8n-nodes-base.noOp', [480, -100]),
      node('Refused', 'n8n-nodes-base.noOp', [480, 100]),
    ],
    connections: {
      Start: { main: [[{ node: 'BizKitHub', type: 'main', index: 0 }]] },
      BizKitHub: {
        main: [[{ node: 'Done', type: 'main', index: 0 }], ...(onError === 'continueErrorOutput' ? [[{ node: 'Refused', type: 'main', index: 0 }]] : [])],
      },
    },
  };
}
