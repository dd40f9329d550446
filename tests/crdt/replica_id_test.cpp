#include "crdt/replica_id.hpp"
#include "tests/crdt/names.hpp"

#include <gtest/gtest.h>

namespace starling::crdt {
namespace {

std::string encoded(const version_vector& vector) {
  wire::writer out;
  encode(out, vector);
  return std::move(out).take();
}

wire::decoded<version_vector> decoded_vector(std::string_view bytes) {
  wire::reader in{bytes};
  auto result = decode_version_vector(in);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

std::string_view vector_refusal(std::string_view bytes) {
  const auto result = decoded_vector(bytes);
  const auto* error = std::get_if<wire::decode_error>(&result);
  return error ? error->what : std::string_view{};
}

void put(wire::writer& out, const replica_id& id, event_number number) {
  encode(out, id);
  out.varint(number);
}

TEST(ReplicaId, IsWrittenAs32HexadecimalDigits) {
  EXPECT_EQ(to_string(replica_id::from(0x0123456789abcdef, 0xfedcba9876543210)),
            "0123456789abcdeffedcba9876543210");
}

TEST(ReplicaId, IsOrderedAsItIsWritten) {
  EXPECT_LT(replica_id::from(0, ~0ull), replica_id::from(1, 0));
  EXPECT_LT(replica_id::from(1, 0), replica_id::from(1, 1));
  EXPECT_LT(replica_id::from(0x7f, 0), replica_id::from(~0ull, 0));
}

TEST(ReplicaId, SurvivesEncodeAndDecode) {
  const auto id = replica_id::from(0x0123456789abcdef, 0xfedcba9876543210);
  wire::writer out;
  encode(out, id);
  const auto bytes = std::move(out).take();
  EXPECT_EQ(bytes.size(), 16u);

  wire::reader in{bytes};
  EXPECT_EQ(decode_replica_id(in), id);

  wire::reader cut{std::string_view{bytes}.substr(1)};
  decode_replica_id(cut);
  EXPECT_FALSE(cut.ok());
}

TEST(VersionVector, SurvivesEncodeAndDecode) {
  for (const auto& vector : {version_vector{}, version_vector{{a, 1}},
                             version_vector{{a, 1}, {b, 300}, {c, event_number_max}}})
    EXPECT_EQ(std::get<version_vector>(decoded_vector(encoded(vector))), vector);
}

TEST(VersionVector, RefusesEventNumbersOutOfRange) {
  EXPECT_EQ(vector_refusal(encoded({{a, 0}})), "event number out of range");
  EXPECT_EQ(vector_refusal(encoded({{a, event_number_max + 1}})), "event number out of range");
}

TEST(VersionVector, RefusesReplicasOutOfOrderOrTwice) {
  for (const auto& second : {a, b}) {
    wire::writer out;
    out.varint(2);
    put(out, b, 1);
    put(out, second, 1);
    EXPECT_EQ(vector_refusal(std::move(out).take()), "replica ids are not in ascending order");
  }
}

TEST(VersionVector, RefusesEveryTruncation) {
  const auto bytes = encoded({{a, 1}, {b, 300}});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(vector_refusal(bytes.substr(0, size)), "") << size << " bytes";
}

} // namespace
} // namespace starling::crdt
