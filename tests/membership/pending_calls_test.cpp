#include "membership/pending_calls.hpp"

#include <gtest/gtest.h>

namespace starling::membership {
namespace {

const auto ann = node_id::from(1, 0);
const auto bob = node_id::from(2, 0);

pending_call sync_with(std::string address, std::optional<std::string> seed = std::nullopt) {
  return {.kind = call_kind::sync, .address = std::move(address), .seed = std::move(seed)};
}

pending_call ping_of(const node_id& peer) {
  return {.kind = call_kind::ping, .address = "p:1", .seed = std::nullopt, .peer = peer};
}

TEST(PendingCalls, EachHasATokenOfItsOwnAndEndsOnce) {
  pending_calls calls;
  const auto first = calls.begin(sync_with("a:1"));
  const auto second = calls.begin(sync_with("b:1"));
  EXPECT_NE(first, second);
  const auto done = calls.end(first);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->address, "a:1");
  EXPECT_FALSE(calls.end(first));
  EXPECT_NE(calls.begin(sync_with("a:1")), first) << "never the token of another call";
}

TEST(PendingCalls, KnowWhoIsBeingSyncedWith) {
  pending_calls calls;
  calls.begin(ping_of(ann));
  EXPECT_FALSE(calls.is_synced_with("p:1")) << "a ping is none";
  const auto token = calls.begin(sync_with("p:1"));
  EXPECT_TRUE(calls.is_synced_with("p:1"));
  EXPECT_FALSE(calls.is_synced_with("q:1"));
  calls.end(token);
  EXPECT_FALSE(calls.is_synced_with("p:1"));
}

TEST(PendingCalls, SyncsWithSeedsAreNotCounted) {
  pending_calls calls;
  calls.begin(sync_with("a:1", "a:1"));
  calls.begin(ping_of(ann));
  EXPECT_EQ(calls.syncs(), 0u);
  EXPECT_TRUE(calls.is_synced_with("a:1"));
  calls.begin(sync_with("b:1"));
  EXPECT_EQ(calls.syncs(), 1u);
}

TEST(PendingCalls, KnowWhoIsBeingPinged) {
  pending_calls calls;
  calls.begin(sync_with("p:1"));
  const auto token = calls.begin(ping_of(ann));
  EXPECT_TRUE(calls.is_pinged(ann));
  EXPECT_FALSE(calls.is_pinged(bob));
  EXPECT_EQ(calls.pings(), 1u);
  calls.end(token);
  EXPECT_EQ(calls.pings(), 0u);
}

} // namespace
} // namespace starling::membership
