#include "crdt/value.hpp"
#include "crdt/view.hpp"
#include "http/api/reply.hpp"
#include "http/api/request.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace starling {
namespace {

const wire::secret secret{"toy", ""};
const crdt::key runs{crdt::board_type::id, "runs"};

http::parsed parsed(const std::string& method, const std::string& target, const std::string& body) {
  return http::parse({.method = method, .target = target, .body = body}, secret, {});
}

class Board : public testing::Test {
protected:
  /// What the reply to a write is.
  std::string write(const std::string& body) {
    const auto w = std::get<http::write_request>(parsed("POST", "/boards/runs", body));
    crdt::apply(state, w.command, crdt::replica_id::from(1, 2), 0);
    return http::reply_to_write(w.key, crdt::view_of(state, w.command), secret, {}).body;
  }

  std::string read(const std::string& rest) const {
    const auto r = std::get<http::read_request>(parsed("GET", "/boards/runs" + rest, ""));
    return http::reply_to_read(r.key, crdt::view_of(state, r.query), secret, {}).body;
  }

  crdt::value state{runs.type};
};

TEST_F(Board, IsWrittenAndShown) {
  EXPECT_EQ(write(R"({"put": {"ann": 5, "bob": 7}})"),
            "{\"cardinality\": 2, \"scores\": {\"ann\": 5, \"bob\": 7}, \"next\": null}\n");
  write(R"({"put": {"eve": 1}, "drop": ["bob"]})");

  EXPECT_EQ(read(""),
            "{\"cardinality\": 2, \"scores\": {\"ann\": 5, \"eve\": 1}, \"next\": null}\n");
  EXPECT_EQ(read("?limit=1"),
            "{\"cardinality\": 2, \"scores\": {\"ann\": 5}, \"next\": \"ann\"}\n");
  EXPECT_EQ(read("?limit=1&after=ann"),
            "{\"cardinality\": 2, \"scores\": {\"eve\": 1}, \"next\": null}\n");
  EXPECT_EQ(read("/members/bob"),
            "{\"cardinality\": 2, \"scores\": {\"bob\": null}, \"next\": null}\n");
}

TEST_F(Board, HasRoutesAndRows) {
  const auto all = http::routes();
  for (const auto* path : {"/boards/{key}", "/boards/{key}/members/{member}"})
    EXPECT_TRUE(std::ranges::any_of(all, [&](const auto& r) { return r.path == path; }));
  EXPECT_TRUE(crdt::has_rows(runs.type));
  EXPECT_EQ(crdt::type_named("board"), runs.type);
}

TEST_F(Board, OfTwoReplicasKeepsWhatOneOfThemPutsMeanwhile) {
  write(R"({"put": {"ann": 5}})");
  auto other = state;
  crdt::apply(other, crdt::board_change{{{"ann", 9}}, {}}, crdt::replica_id::from(3, 4), 0);
  write(R"({"drop": ["ann"]})");
  state.join(other);
  EXPECT_EQ(read("/members/ann"),
            "{\"cardinality\": 1, \"scores\": {\"ann\": 9}, \"next\": null}\n");
}

} // namespace
} // namespace starling
