#include "replication/confirmation.hpp"

#include <gmock/gmock.h>

namespace starling::replication {
namespace {

using outcome = confirmation::outcome;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Confirmation, IsGivenAtOnceWhereNobodyElseIsKnown) {
  EXPECT_EQ((confirmation{5, {}}).result(), outcome::sure);
  confirmation alone{5, {"a"}};
  EXPECT_EQ(alone.result(), outcome::open);
  EXPECT_THAT(alone.due(), ElementsAre("a"));
  alone.leave_out("a");
  EXPECT_EQ(alone.result(), outcome::sure);
}

TEST(Confirmation, WaitsForAllThatWereAsked) {
  confirmation c{5, {"a", "b"}};
  EXPECT_THAT(c.due(), ElementsAre("a", "b"));
  EXPECT_THAT(c.due(), IsEmpty()) << "they are under way";
  c.answered("a", 5);
  EXPECT_EQ(c.result(), outcome::open);
  EXPECT_THAT(c.silent(), ElementsAre("b"));
  c.answered("b", 0);
  EXPECT_EQ(c.result(), outcome::sure);
}

TEST(Confirmation, AsksThoseAgainThatDidNotAnswer) {
  confirmation c{5, {"a"}};
  c.due();
  c.failed("a");
  EXPECT_EQ(c.result(), outcome::open);
  EXPECT_THAT(c.due(), ElementsAre("a"));
  c.add("b");
  c.add("a");
  EXPECT_THAT(c.due(), ElementsAre("b"));
}

TEST(Confirmation, IsRefusedByOneWhoKnowsMore) {
  confirmation c{5, {"a", "b", "c"}};
  c.due();
  c.answered("a", 5);
  c.answered("b", 6);
  EXPECT_EQ(c.result(), outcome::set_back) << "whatever others say";
  c.answered("c", 0);
  EXPECT_EQ(c.result(), outcome::set_back);
  EXPECT_EQ(c.highest(), 6u);
}

TEST(Confirmation, GoesByThoseWhoAnsweredOnceTimeIsUp) {
  confirmation c{5, {"a", "b"}};
  c.due();
  c.time_is_up();
  EXPECT_EQ(c.result(), outcome::open) << "nobody has said anything";
  c.leave_out("b");
  EXPECT_EQ(c.result(), outcome::open) << "nobody else";
  c.add("c");
  c.answered("a", 5);
  EXPECT_EQ(c.result(), outcome::sure);
  EXPECT_EQ(c.answers(), 1u);
  c.answered("c", 9);
  EXPECT_EQ(c.result(), outcome::set_back);
}

TEST(Question, IsReadAsItWasAsked) {
  const auto ann = crdt::replica_id::from(1, 2);
  const auto bytes = encode_question(ann);
  EXPECT_EQ(decode_question(bytes), wire::decoded<crdt::replica_id>{ann});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(
        decode_question(std::string_view{bytes}.substr(0, size))));
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_question(bytes + "x")));
  EXPECT_EQ(std::get<wire::decode_error>(decode_question("\2" + bytes.substr(1))).what,
            "unknown version of the question about an id");
}

TEST(Statement, IsReadAsItWasMade) {
  const statement said{{300}, 7};
  const auto bytes = encode(said);
  EXPECT_EQ(decode_statement(bytes), wire::decoded<statement>{said});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(
        decode_statement(std::string_view{bytes}.substr(0, size))));
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_statement(bytes + "x")));
}

} // namespace
} // namespace starling::replication
