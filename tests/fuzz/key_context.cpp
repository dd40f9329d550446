// Keys and version vectors from strangers: what the decoders accept is canonical.

#include "crdt/value.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

namespace crdt = starling::crdt;
namespace wire = starling::wire;

template <class T>
void check(std::string_view input, T (*decode)(wire::reader&)) {
  wire::reader in{input};
  const auto x = decode(in);
  in.expect_end();
  if (!in.ok())
    return;
  wire::writer out;
  crdt::encode(out, x);
  if (std::move(out).take() != input)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  check(input, crdt::decode_key);
  check(input, crdt::decode_version_vector);
  return 0;
}
