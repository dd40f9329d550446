#include "node/descriptors.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <sys/resource.h>

namespace starling::node {

namespace {

constexpr rlim_t wanted = 65536;

// RocksDB's files (storage/rocks_options.cpp), the ones it writes, the log, sockets and pipes.
constexpr std::size_t reserve = 256 + 128;

// Connections beyond the limit that are being told so, at each of the two ports.
constexpr std::size_t told_so = 2 * 64;

constexpr std::size_t least_connections = 16; // even if that is too many

} // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 1024;
  if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
    auto raised = limit;
    raised.rlim_cur = std::min(limit.rlim_max, wanted);
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0)
      limit = raised;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

std::optional<std::string> fit_connections(config::options& o, std::size_t limit) {
  auto& clients = o.http.max_connections;
  auto& peers = o.cluster.max_connections;
  const auto kept = reserve + told_so + o.cluster.peer_clients;
  const auto left = limit > kept ? limit - kept : 0;
  if (clients + peers <= left)
    return std::nullopt;
  const auto configured = fmt::format("{} clients and {} peers", clients, peers);
  // Peers need few, and cannot do without.
  peers = std::max(std::min(peers, left / 3), least_connections);
  clients = std::max(std::min(clients, left - std::min(left, peers)), least_connections);
  return fmt::format(
      "only {} files can be open at a time (ulimit -n), too few for connections of {}: "
      "{} and {} are taken",
      limit, configured, clients, peers);
}

} // namespace starling::node
