#include "replication/confirmation.hpp"
#include "wire/bytes.hpp"

#include <gmock/gmock.h>

namespace starling::replication {
namespace {

using outcome = confirmation::outcome;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const session_id kept{70};
const session_id kept_by_another{71};

statement witness_says(std::uint64_t changes) {
  return {{7}, changes, kept};
}

/// By one who lost what it knew, or whom this node did not know.
statement newcomer_says(std::uint64_t changes) {
  return {{8}, changes, session_id{8}};
}

TEST(Confirmation, IsGivenAtOnceWhereNobodyElseIsKnown) {
  EXPECT_EQ((confirmation{5, {}, {}}).result(), outcome::sure);
  confirmation alone{5, {kept}, {"a"}};
  EXPECT_EQ(alone.result(), outcome::open);
  EXPECT_THAT(alone.due(), ElementsAre("a"));
  alone.leave_out("a");
  EXPECT_EQ(alone.result(), outcome::sure);
}

TEST(Confirmation, WaitsForAllThatWereAsked) {
  confirmation c{5, {kept, kept_by_another}, {"a", "b"}};
  EXPECT_THAT(c.due(), ElementsAre("a", "b"));
  EXPECT_THAT(c.due(), IsEmpty()) << "they are under way";
  c.answered("a", witness_says(5));
  EXPECT_EQ(c.result(), outcome::open);
  EXPECT_THAT(c.silent(), ElementsAre("b"));
  c.answered("b", {{9}, 0, kept_by_another});
  EXPECT_EQ(c.result(), outcome::sure);
}

TEST(Confirmation, AsksThoseAgainThatDidNotAnswer) {
  confirmation c{5, {kept}, {"a"}};
  c.due();
  c.failed("a");
  EXPECT_EQ(c.result(), outcome::open);
  EXPECT_THAT(c.due(), ElementsAre("a"));
  c.add("b");
  c.add("a");
  EXPECT_THAT(c.due(), ElementsAre("b"));
}

TEST(Confirmation, IsRefusedByOneWhoKnowsMore) {
  confirmation c{5, {kept}, {"a", "b", "c"}};
  c.due();
  c.answered("a", witness_says(5));
  c.answered("b", newcomer_says(6));
  EXPECT_EQ(c.result(), outcome::set_back) << "whatever others say, and whoever it is";
  c.answered("c", witness_says(0));
  EXPECT_EQ(c.result(), outcome::set_back);
  EXPECT_EQ(c.highest(), 6u);
}

TEST(Confirmation, GoesByTheWitnessesThatAnsweredOnceTimeIsUp) {
  confirmation c{5, {kept}, {"a", "b"}};
  c.due();
  c.time_is_up();
  EXPECT_EQ(c.result(), outcome::doubtful) << "nobody has said anything";
  c.leave_out("b");
  EXPECT_EQ(c.result(), outcome::doubtful) << "nobody else";
  c.add("c");
  c.answered("a", witness_says(5));
  EXPECT_EQ(c.result(), outcome::sure);
  EXPECT_EQ(c.testimonies(), 1u);
  c.answered("c", newcomer_says(9));
  EXPECT_EQ(c.result(), outcome::set_back);
}

TEST(Confirmation, IsNotGivenByThoseWhoMayHaveLostWhatTheyKnew) {
  for (const auto& said : {newcomer_says(0), newcomer_says(5), statement{{8}, 5}}) {
    confirmation c{5, {kept}, {"a", "b"}};
    c.due();
    c.answered("a", said);
    EXPECT_EQ(c.result(), outcome::open) << "a witness may be at b";
    EXPECT_THAT(c.silent(), ElementsAre("b")) << "nobody waits for more of a";
    c.answered("b", said);
    EXPECT_EQ(c.result(), outcome::doubtful) << "at once, for nobody is waited for";
    EXPECT_EQ(c.other_answers(), 2u);
    c.add("c");
    EXPECT_EQ(c.result(), outcome::open);
    c.answered("c", witness_says(5));
    EXPECT_EQ(c.result(), outcome::sure);
  }
}

TEST(Confirmation, IsNotGivenByAnybodyWhereTheDiskNotesNobody) {
  confirmation c{5, {}, {"a"}};
  c.answered("a", witness_says(5));
  EXPECT_EQ(c.result(), outcome::doubtful);
}

TEST(Confirmation, TakesNobodyForAWitnessWhoDoesNotSayWhatIsKept) {
  confirmation c{5, {kept}, {"a"}};
  c.answered("a", {{7}, 5});
  EXPECT_EQ(c.result(), outcome::doubtful);
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
  const statement said{{300}, 7, {400}};
  const auto bytes = encode(said);
  EXPECT_EQ(decode_statement(bytes), wire::decoded<statement>{said});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(
        decode_statement(std::string_view{bytes}.substr(0, size))));
  EXPECT_TRUE(std::holds_alternative<wire::decode_error>(decode_statement(bytes + "x")));
  EXPECT_EQ(std::get<wire::decode_error>(decode_statement("\3" + bytes.substr(1))).what,
            "unknown version of the answer about an id");
}

TEST(Statement, OfAnEarlierBuildSaysNothingOfWhatIsKept) {
  wire::writer out;
  out.u8(1);
  out.varint(300);
  out.varint(7);
  EXPECT_EQ(decode_statement(out.view()), (wire::decoded<statement>{statement{{300}, 7}}));
}

} // namespace
} // namespace starling::replication
