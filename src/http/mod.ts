export {
  API_NAMES,
  type ApiName,
  type ApiOptions,
  type AppOptions,
  type EmqxCloudOptions,
  type EmqxV3Options,
  type HttpListenerOptions,
  type HttpOptions,
  type HttpTlsOptions,
  type NanomqV1Options,
  type SmqttOptions,
  type TdmqOptions,
} from "./options.ts";
export type { ManagementService } from "../management/mod.ts";
