import type { NodeView } from "../../management/mod.ts";
import type { MetricsText } from "../kit/mod.ts";

/** The program and what runs it; what the runtime does not tell is left out. */
export function writeProcessMetrics(text: MetricsText, node: NodeView): void {
  const { memory, cpu, load } = node;
  text.gauge("mqtt_broker_info", "What runs; always 1", [{
    labels: {
      version: node.version,
      runtime: node.runtimeName,
      runtime_version: node.runtimeVersion,
      node: node.name,
    },
    value: 1,
  }]);
  text.gauge(
    "process_start_time_seconds",
    "When the program started, in seconds since 1970",
    node.startedAtMs / 1000,
  );
  text.gauge("mqtt_uptime_seconds", "Since when the broker runs", node.uptimeMs / 1000);
  text.gauge("process_resident_memory_bytes", "Memory of the process", memory.rssBytes);
  text.gauge("runtime_heap_used_bytes", "Heap of the runtime in use", memory.heapUsedBytes);
  if (memory.heapTotalBytes !== undefined) {
    text.gauge("runtime_heap_bytes", "Heap of the runtime", memory.heapTotalBytes);
  }
  if (memory.externalBytes !== undefined) {
    text.gauge("runtime_external_bytes", "Outside the heap, held from it", memory.externalBytes);
  }
  if (cpu !== undefined) {
    text.counter("process_cpu_seconds_total", "Processor time of the process", [
      { labels: { mode: "user" }, value: cpu.userMs / 1000 },
      { labels: { mode: "system" }, value: cpu.systemMs / 1000 },
    ]);
  }
  if (node.openFilesMax !== undefined) {
    text.gauge("process_max_fds", "Files that the process may have open", node.openFilesMax);
  }
  if (load !== undefined) {
    const minutes = ["1", "5", "15"] as const;
    text.gauge(
      "system_load_average",
      "Load of the system by minutes",
      minutes.map((span, index) => ({ labels: { minutes: span }, value: load[index] ?? 0 })),
    );
  }
}
