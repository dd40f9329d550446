#include "crdt/value.hpp"
#include "crdt/view.hpp"
#include "http/api/reply.hpp"
#include "http/api/request.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling {
namespace {

const wire::secret secret{"toy", ""};
const crdt::key peak{crdt::high_type::id, "peak"};

http::parsed parsed(const std::string& method, const std::string& target, const std::string& body) {
  return http::parse({.method = method, .target = target, .body = body}, secret, {});
}

TEST(Toy, HasAName) {
  EXPECT_EQ(to_string(crdt::high_type::id), "high");
  EXPECT_EQ(crdt::type_named("high"), crdt::high_type::id);
}

TEST(Toy, IsAskedForAndShown) {
  const auto write = std::get<http::write_request>(parsed("PUT", "/highs/peak", R"({"value": 7})"));
  EXPECT_EQ(write.key, peak);
  crdt::value state{peak.type};
  ASSERT_TRUE(std::holds_alternative<std::optional<crdt::value>>(
      crdt::apply(state, write.command, crdt::replica_id::from(1, 2), 0)));

  const auto read = std::get<http::read_request>(parsed("GET", "/highs/peak", ""));
  const auto seen = crdt::view_of(state, read.query);

  EXPECT_EQ(http::reply_to_read(read.key, seen, secret, {}).body, "{\"value\": 7}\n");
  EXPECT_EQ(http::reply_to_write(write.key, crdt::view_of(state, write.command), secret, {}).body,
            "{\"value\": 7}\n");
}

TEST(Toy, IsAmongTheRoutesAndTheTypesOfKeys) {
  const auto all = http::routes();
  EXPECT_TRUE(std::ranges::any_of(all, [](const auto& r) { return r.path == "/highs/{key}"; }));
  const auto keys = std::get<http::keys_request>(parsed("GET", "/keys?type=high", ""));
  EXPECT_EQ(keys.query.type, peak.type);
  EXPECT_TRUE(std::ranges::any_of(crdt::ranges_of({}),
                                  [](const auto& r) { return r.first.type == peak.type; }));
}

} // namespace
} // namespace starling
