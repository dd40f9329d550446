#include "membership/outputs.hpp"

#include <gtest/gtest.h>

#include <set>

namespace starling::membership {

namespace {

TEST(Outputs, HoldPacketsOneAfterTheOther) {
  outputs out;
  out.buffer().raw("first");
  out.close_packet(udp_address::v4(10, 0, 0, 1, 1));
  out.close_packet(udp_address::v4(10, 0, 0, 2, 2));
  out.buffer().raw("third");
  out.close_packet(udp_address::v4(10, 0, 0, 3, 3));

  ASSERT_EQ(out.packets(), 3u);
  EXPECT_EQ(out.packet_at(0).bytes, "first");
  EXPECT_EQ(out.packet_at(0).to, udp_address::v4(10, 0, 0, 1, 1));
  EXPECT_EQ(out.packet_at(1).bytes, "");
  EXPECT_EQ(out.packet_at(2).bytes, "third");
  EXPECT_EQ(out.packet_at(2).to, udp_address::v4(10, 0, 0, 3, 3));
}

TEST(Outputs, AreEmptyAfterClearing) {
  outputs out;
  out.buffer().raw("bytes");
  out.close_packet({});
  out.lookups.push_back("a:1");
  out.calls.push_back({});
  out.events.push_back({.kind = event_kind::joined, .who = {}});

  out.clear();

  EXPECT_EQ(out.packets(), 0u);
  EXPECT_TRUE(out.lookups.empty());
  EXPECT_TRUE(out.calls.empty());
  EXPECT_TRUE(out.events.empty());
  out.buffer().raw("more");
  out.close_packet({});
  EXPECT_EQ(out.packet_at(0).bytes, "more");
}

TEST(Outputs, EveryKindHasAName) {
  std::set<std::string_view> names;
  for (int k = 0; k <= static_cast<int>(event_kind::left_cluster); ++k)
    names.insert(to_string(static_cast<event_kind>(k)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(event_kind::left_cluster) + 1);
  EXPECT_FALSE(names.contains("unknown"));

  EXPECT_EQ(to_string(call_kind::sync), "sync");
  EXPECT_EQ(to_string(call_kind::ping), "ping");
}

} // namespace

} // namespace starling::membership
