#include "http/api/reply.hpp"

#include "http/api/json_parts.hpp"
#include "http/api/queries.hpp"
#include "http/api/types.hpp"

#include <cstdio>

namespace starling::http {

namespace {

response ok(const std::vector<std::string>& members) {
  return {.body = object(members) + '\n', .headers = {}};
}

/// After how many seconds another try makes sense, where waiting helps at all: a full disk is
/// looked at again every storage.retry-interval. Whoever had no answer in time is not asked to
/// repeat what may have happened.
std::optional<int> retry_after(int status) {
  switch (status) {
  case 429:
  case 503:
    return 1;
  case 507:
    return 10;
  default:
    return std::nullopt;
  }
}

/// RFC 3339, in UTC.
std::string to_text(std::chrono::sys_seconds when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{when - day};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

/// With three digits behind the point; null for zero.
std::string milliseconds(std::chrono::microseconds t) {
  if (t.count() == 0)
    return "null";
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(t.count() / 1000),
                static_cast<long long>(t.count() % 1000));
  return text;
}

} // namespace

response reply_to_read(const crdt::key& key, const crdt::view& what, const wire::secret& secret,
                       style how) {
  return apis::visit(key.type, [&](auto which) -> response {
    using api = typename decltype(which)::type;
    return std::visit(
        [&](const auto& seen) -> response {
          if constexpr (requires { api::show(seen, key, secret, how); })
            return ok(api::show(seen, key, secret, how));
          else
            return reply_with(problem{}); // no view of this type
        },
        what);
  });
}

response reply_to_write(const crdt::key& key, const crdt::view& what, const wire::secret& secret,
                        style how) {
  return apis::visit(key.type, [&](auto which) -> response {
    using api = typename decltype(which)::type;
    return std::visit(
        [&](const auto& seen) -> response {
          if constexpr (requires { api::show_written(seen, key, secret, how); })
            return ok(api::show_written(seen, key, secret, how));
          else
            return reply_with(problem{}); // no view of this type
        },
        what);
  });
}

response reply_with(const crdt::key_page& page) {
  const auto keys = list('[', page.keys, ']', [](const crdt::key& key) {
    return object({member("type", quote(to_string(key.type))), member("key", quote(key.name))});
  });
  const auto next = page.more ? quote(cursor_of(page.keys.back())) : "null";
  return ok({member("keys", keys), member("next", next)});
}

response reply_with(const problem& what) {
  response result{status_of(what.code), "application/problem+json", to_json(what), {}};
  if (!what.allow.empty())
    result.headers.emplace_back("Allow", what.allow);
  if (const auto seconds = retry_after(result.status))
    result.headers.emplace_back("Retry-After", std::to_string(*seconds));
  return result;
}

namespace {

std::string protocol_of(const cluster_view::abilities& can) {
  return object(
      {member("oldest", std::to_string(can.oldest)), member("newest", std::to_string(can.newest))});
}

std::string reads_of(const cluster_view::abilities& can) {
  return list('{', can.reads, '}',
              [](const auto& one) { return member(one.first, std::to_string(one.second)); });
}

} // namespace

response reply_with(const cluster_view& cluster) {
  const auto& self = cluster.self;
  const auto node = object({
      member("name", quote(self.name)),
      member("node", quote(self.node_id)),
      member("replica", quote(self.replica_id)),
      member("replica_state", quote(self.replica_state)),
      member("http", quote(self.http_address)),
      member("cluster", quote(self.cluster_address)),
      member("started", quote(to_text(self.started))),
      member("state", quote(self.state)),
      member("incarnation", quote(self.incarnation)),
      member("health", std::to_string(self.health)),
      member("isolated", to_text(self.isolated)),
      member("leaving", to_text(self.leaving)),
      member("protocol", protocol_of(self.can)),
      member("reads", reads_of(self.can)),
  });
  const auto peers = list('[', cluster.peers, ']', [](const cluster_view::peer& peer) {
    return object({
        member("name", quote(peer.name)),
        member("node", quote(peer.node_id)),
        member("http", quote(peer.http_address)),
        member("cluster", quote(peer.cluster_address)),
        member("state", quote(peer.state)),
        member("incarnation", quote(peer.incarnation)),
        member("since", quote(to_text(peer.since))),
        member("health", std::to_string(peer.health)),
        member("round_trip_ms", milliseconds(peer.round_trip)),
        member("reason", peer.reason.empty() ? "null" : quote(peer.reason)),
        member("udp", to_text(peer.udp)),
        member("tcp", to_text(peer.tcp)),
        member("protocol", protocol_of(peer.can)),
        member("reads", reads_of(peer.can)),
    });
  });
  const auto refusal = [](const cluster_view::refusal& r) {
    return object({
        member("address", quote(r.address)),
        member("name", quote(r.name)),
        member("reason", quote(r.reason)),
        member("why", quote(r.why)),
        member("since", quote(to_text(r.since))),
    });
  };
  const auto seeds = list('[', cluster.unreached_seeds, ']', quote);
  const auto& data = cluster.replication;
  const auto replication = object({
      member("root", quote(data.root)),
      member("keys", std::to_string(data.keys)),
      member("log_entries", std::to_string(data.log_entries)),
      member("log_bytes", std::to_string(data.log_bytes)),
      member("peers_behind", std::to_string(data.peers_behind)),
      member("values_refused", list('[', data.values_refused, ']',
                                    [](const cluster_view::refused& value) {
                                      return object({
                                          member("peer", quote(value.peer)),
                                          member("type", quote(value.type)),
                                          member("key", quote(value.key)),
                                      });
                                    })),
  });
  const auto all = object({member("protocol", protocol_of(cluster.all_can)),
                           member("reads", reads_of(cluster.all_can))});
  return ok({member("self", node), member("peers", peers), member("all_members", all),
             member("unreached_seeds", seeds),
             member("refused_by", list('[', cluster.refused_by, ']', refusal)),
             member("refuses", list('[', cluster.refuses, ']', refusal)),
             member("warnings", list('[', cluster.warnings, ']', quote)),
             member("replication", replication)});
}

response reply_with_index(std::string_view version, const std::vector<route>& routes) {
  const auto paths =
      list('{', routes, '}', [](const route& one) { return member(one.path, quote(one.allow)); });
  return ok({member("name", quote("starling")), member("version", quote(version)),
             member("routes", paths)});
}

response reply_to_options(std::string_view allow) {
  return {204, "", "", {{"Allow", std::string{allow}}}};
}

response reply_with_status(std::string_view status, const std::vector<std::string>& warnings) {
  if (warnings.empty())
    return ok({member("status", quote(status))});
  return ok({member("status", quote(status)), member("warnings", list('[', warnings, ']', quote))});
}

response reply_with_metrics(std::string text) {
  return {200, "text/plain; version=0.0.4; charset=utf-8", std::move(text), {}};
}

} // namespace starling::http
