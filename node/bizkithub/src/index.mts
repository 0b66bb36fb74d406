// The same classes for `import` as for `require`: `instanceof` works whoever made the object.
export type * from './index.js';
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
  Sandbox,
  ServerError,
  slug,
} from './index.js';
