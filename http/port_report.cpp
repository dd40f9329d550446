#include "http/port_report.hpp"

#include "system/log.hpp"

#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <memory>

namespace starling::http {

namespace {

constexpr char prefix[] = "starling";

} // namespace

std::optional<std::string> refusal_digest::add(std::string_view reason, const std::string& address,
                                               clock::time_point now) {
  ++counts_[std::string{reason}];
  if (said_ && now < *said_ + interval)
    return std::nullopt;
  said_ = now;
  std::size_t sum = 0;
  std::string reasons;
  for (const auto& [name, count] : counts_) {
    sum += count;
    reasons += (reasons.empty() ? "" : ", ") + name + ' ' + std::to_string(count);
  }
  counts_.clear();
  return std::to_string(sum) + " refused (" + reasons + ")" +
         (address.empty() ? "" : ", the last from " + address);
}

port_observer report_port(caf::actor_system& sys, const std::string& port) {
  auto* refusals = sys.metrics().counter_family(
      prefix, "http.refusals", {"port", "reason"},
      "Requests that were not understood or not taken, and connections that were closed.", "1",
      true);
  auto* open = sys.metrics()
                   .gauge_family(prefix, "http.connections", {"port"}, "Connections that are open.")
                   ->get_or_add({{"port", port}});
  const auto digest = std::make_shared<refusal_digest>();
  return {.refused =
              [refusals, digest, port](std::string_view reason, const std::string& address) {
                refusals->get_or_add({{"port", port}, {"reason", {reason.data(), reason.size()}}})
                    ->inc();
                if (const auto line = digest->add(reason, address, refusal_digest::clock::now()))
                  log::warn("door", "{}: {}", port, *line);
              },
          .open = [open](std::size_t count) { open->value(static_cast<std::int64_t>(count)); }};
}

} // namespace starling::http
