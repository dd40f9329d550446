#include "crdt/lww_register.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

namespace starling::crdt {
namespace {

using stamp = lww_register::stamp;

std::string encoded_write(stamp when, const replica_id& by, const payload& what) {
  wire::writer out;
  out.u8(1);
  out.varint(when);
  encode(out, by);
  encode(out, what);
  return std::move(out).take();
}

/// A register as a replica with that clock may have written it.
lww_register written(stamp when, const replica_id& by, const payload& what) {
  return std::get<lww_register>(decoded<lww_register>(encoded_write(when, by, what)));
}

/// Joins in both directions and gives the payload that won, the same on both sides.
payload winner(lww_register x, lww_register y) {
  const auto old_x = x;
  x.join(y);
  y.join(old_x);
  EXPECT_EQ(x, y);
  return x.current()->what;
}

TEST(LwwRegister, HoldsNothingAtFirst) {
  EXPECT_FALSE(lww_register{}.current());
  EXPECT_TRUE(lww_register{}.empty());
}

TEST(LwwRegister, StampsAWriteWithTheWallClock) {
  lww_register x;
  x.assign(a, 1000, text("one"));
  EXPECT_EQ(x.current(), (lww_register::write{1000, a, text("one")}));
}

TEST(LwwRegister, StampsTheFirstWriteAboveZero) {
  lww_register x;
  x.assign(a, 0, text("one"));
  EXPECT_EQ(x.current()->when, 1u);
}

TEST(LwwRegister, LaterWriteWinsThoughTheWallClockStandsOrGoesBack) {
  lww_register x;
  const auto first = *x.assign(a, 1000, text("z"));
  const auto second = *x.assign(a, 1000, text("y"));
  const auto third = *x.assign(a, 10, text("x"));

  EXPECT_EQ(x.current(), (lww_register::write{1002, a, text("x")}));
  EXPECT_EQ(winner(first, second), text("y"));
  EXPECT_EQ(winner(second, third), text("x"));
}

TEST(LwwRegister, WriteIsStampedAboveWhatWasJoined) {
  auto x = written(5000, b, text("theirs"));
  x.assign(a, 1000, text("mine"));
  EXPECT_EQ(x.current()->when, 5001u);
}

TEST(LwwRegister, IgnoresWallReadingsFromTheLimitOn) {
  lww_register x;
  x.assign(a, lww_register::wall_limit, text("one"));
  EXPECT_EQ(x.current()->when, 1u);
  x.assign(a, ~stamp{0}, text("two"));
  EXPECT_EQ(x.current()->when, 2u);
  x.assign(a, lww_register::wall_limit - 1, text("three"));
  EXPECT_EQ(x.current()->when, lww_register::wall_limit - 1);
  x.assign(a, lww_register::wall_limit - 1, text("four"));
  EXPECT_EQ(x.current()->when, lww_register::wall_limit);
}

TEST(LwwRegister, RefusesAWriteWhenNoStampIsLeft) {
  auto x = written(lww_register::stamp_limit - 2, b, text("huge"));
  EXPECT_TRUE(x.assign(a, 1000, text("last")));
  EXPECT_EQ(x.current()->when, lww_register::stamp_limit - 1);

  const auto before = x;
  EXPECT_FALSE(x.assign(a, 1000, text("beyond")));
  EXPECT_EQ(x, before);
}

TEST(LwwRegister, JoinTakesTheLaterStampHoweverFarAhead) {
  EXPECT_EQ(winner(written(10, c, text("z")), written(11, a, text("a"))), text("a"));
  EXPECT_EQ(winner(written(10, c, text("z")), written(lww_register::stamp_limit - 1, a, text("a"))),
            text("a"));
}

TEST(LwwRegister, BreaksTiesByReplicaAndThenByPayload) {
  EXPECT_EQ(winner(written(10, a, text("z")), written(10, b, text("a"))), text("a"));
  EXPECT_EQ(winner(written(10, a, text("x")), written(10, a, text("xx"))), text("xx"));
  EXPECT_EQ(winner(written(10, a, text("z")), written(10, a, text("é"))), text("é"));
}

TEST(LwwRegister, JoinReturnsTheWriteOnlyIfItWasLater) {
  auto x = written(10, a, text("mine"));
  EXPECT_FALSE(x.join(lww_register{}));
  EXPECT_FALSE(x.join(x));
  EXPECT_FALSE(x.join(written(9, b, text("older"))));
  const auto later = written(10, b, text("later"));
  EXPECT_EQ(x.join(later), later);
  EXPECT_EQ(x, later);
}

TEST(LwwRegister, DecoderRefusesStampsOutOfRange) {
  EXPECT_EQ(refusal_of<lww_register>(encoded_write(0, a, text("x"))), "stamp out of range");
  EXPECT_EQ(refusal_of<lww_register>(encoded_write(lww_register::stamp_limit, a, text("x"))),
            "stamp out of range");
  EXPECT_EQ(refusal_of<lww_register>(encoded_write(~stamp{0}, a, text("x"))), "stamp out of range");
  EXPECT_EQ(refusal_of<lww_register>(encoded_write(lww_register::stamp_limit - 1, a, text("x"))),
            "");
}

TEST(LwwRegister, DecoderRefusesAnUnknownForm) {
  EXPECT_EQ(refusal_of<lww_register>("\x02"), "register is neither empty nor written");
  EXPECT_EQ(refusal_of<lww_register>(std::string_view{"\0", 1}), "");
}

} // namespace
} // namespace starling::crdt
