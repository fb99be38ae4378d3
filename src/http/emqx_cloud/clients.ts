import * as z from "zod/mini";
import { type ClientView, ManagementError } from "../../management/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { type Api, emptyReply, hasNextPage, jsonReply, rowsReply } from "../kit/mod.ts";
import { ClientsQuerySchema, readClientsRequest } from "./client_query.ts";
import { clientDto, subscriptionDto } from "./dto.ts";

const KICKED_MAX = 1000;
const SUBSCRIPTIONS_SHOWN_MAX = 10_000;

export const ErrorBody = z.object({ code: z.string(), message: z.string() });
const ClientBody = z.looseObject({ clientid: z.string(), connected: z.boolean() });
const ListBody = z.object({
  data: z.array(ClientBody),
  meta: z.object({
    page: z.int(),
    limit: z.int(),
    hasnext: z.boolean(),
    count: z.int(),
  }),
});

export const NO_CLIENT = { description: "There is no such client", schema: ErrorBody };
export const WRONG = { description: "The request is wrong", schema: ErrorBody };
export const UNKNOWN = { description: "The application is not known", schema: ErrorBody };

/** What can be seen of clients, and their end. */
export function addClients(api: Api, context: DialectContext): void {
  const { clients } = context.management;
  const show = (client: ClientView): unknown => clientDto(client, context.options.apis.emqxCloud);

  api.route({
    method: "GET",
    path: "/clients",
    operationId: "listClients",
    summary: "Clients that match all conditions, a page of them",
    documentedQuery: ClientsQuerySchema,
    replies: { 200: { description: "The page", schema: ListBody }, 400: WRONG, 401: UNKNOWN },
  }, async (call) => {
    const { paging, query } = readClientsRequest(call.queryRecord());
    const { items, count } = query === undefined
      ? { items: [], count: 0 }
      : await clients.list(paging, query);
    return rowsReply(context.turns, 200, {
      name: "data",
      rows: items,
      toDto: show,
      after: { meta: { ...paging, hasnext: hasNextPage(paging, count), count } },
    });
  });

  api.route({
    method: "GET",
    path: "/clients/:clientid",
    operationId: "getClient",
    summary: "One client, also while it is away",
    replies: {
      200: { description: "The client", schema: ClientBody },
      401: UNKNOWN,
      404: NO_CLIENT,
    },
  }, async (call) => {
    const client = await clients.get(call.param("clientid"));
    if (client === undefined) throw noClient();
    return jsonReply(200, show(client));
  });

  api.route({
    method: "DELETE",
    path: "/clients/:clientid",
    operationId: "kickClient",
    summary: "Ends connection and session",
    replies: { 204: { description: "Done" }, 401: UNKNOWN, 404: NO_CLIENT },
  }, async (call) => {
    await clients.remove(call.param("clientid"));
    return emptyReply(204);
  });

  api.route({
    method: "POST",
    path: "/clients/kickout/bulk",
    operationId: "kickClients",
    summary: "Ends connections and sessions of all that are named and there",
    body: z.array(z.string()).check(z.maxLength(KICKED_MAX)),
    replies: { 204: { description: "Done" }, 400: WRONG, 401: UNKNOWN },
  }, async (_call, { body }) => {
    for (const clientId of body) {
      if (await clients.get(clientId) !== undefined) await removeIfThere(context, clientId);
    }
    return emptyReply(204);
  });

  api.route({
    method: "GET",
    path: "/clients/:clientid/subscriptions",
    operationId: "listSubscriptions",
    summary: "Subscriptions of one client",
    replies: { 200: { description: "The subscriptions" }, 401: UNKNOWN, 404: NO_CLIENT },
  }, async (call) => {
    const clientId = call.param("clientid");
    if (await clients.get(clientId) === undefined) throw noClient();
    const page = { limit: SUBSCRIPTIONS_SHOWN_MAX };
    const { items } = await context.management.subscriptions.list(page, { clientId });
    return jsonReply(200, items.map(subscriptionDto));
  });
}

export function noClient(): ManagementError {
  return new ManagementError("not-found", "Client ID not found");
}

/** It may have gone by itself meanwhile. */
async function removeIfThere({ management }: DialectContext, clientId: string): Promise<void> {
  try {
    await management.clients.remove(clientId);
  } catch (error) {
    if (!(error instanceof ManagementError) || error.code !== "not-found") throw error;
  }
}
