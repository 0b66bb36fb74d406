// The same classes for `import` as for `require`: `instanceof` works whoever made the object.
export type * from './wasm.js';
export {
  ApiKeyError,
  BizKitHubError,
  Client,
  InternalError,
  InvalidInputError,
  LedgerError,
  NetworkError,
  PermissionDeniedError,
  QuotaError,
  RejectedError,
  ServerError,
  allowedGroupsOfField,
  groupsOfField,
  slug,
} from './wasm.js';
