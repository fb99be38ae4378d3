export { RecordedBanList, type RecordedBanListParts } from "./ban_list.ts";
