#include "wire/bytes.hpp"

#include <limits>

namespace starling::wire {

namespace {

template <class T>
void put_varint(std::string& out, T x) {
  while (x >= 0x80) {
    out.push_back(static_cast<char>((x & 0x7f) | 0x80));
    x >>= 7;
  }
  out.push_back(static_cast<char>(x));
}

template <class T>
T get_varint(reader& in) {
  constexpr unsigned bits = sizeof(T) * 8;
  T x = 0;
  for (unsigned shift = 0; shift < bits; shift += 7) {
    const std::uint8_t byte = in.u8();
    if (!in.ok())
      return 0;
    const T part = byte & 0x7f;
    if (shift + 7 > bits && (part >> (bits - shift)) != 0)
      break; // has bits that the type does not
    x |= part << shift;
    if ((byte & 0x80) == 0) {
      if (byte == 0 && shift != 0)
        in.fail("integer is not in its shortest form");
      return in.ok() ? x : T{0};
    }
  }
  in.fail("integer is too large");
  return 0;
}

} // namespace

void writer::varint(std::uint64_t x) {
  put_varint(out_, x);
}

void writer::varint128(uint128 x) {
  put_varint(out_, x);
}

void writer::bytes(std::string_view x) {
  varint(x.size());
  raw(x);
}

std::uint8_t reader::u8() {
  const auto byte = raw(1);
  return byte.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(byte[0]);
}

std::uint64_t reader::varint() {
  return get_varint<std::uint64_t>(*this);
}

uint128 reader::varint128() {
  return get_varint<uint128>(*this);
}

std::string_view reader::raw(std::size_t size) {
  if (size > rest_.size())
    fail("input ends too early");
  if (error_)
    return {};
  const auto result = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return result;
}

std::string_view reader::bytes(std::size_t limit) {
  const auto size = varint();
  if (size > limit)
    fail("byte string is too long");
  if (size > rest_.size())
    fail("input ends too early");
  return raw(ok() ? static_cast<std::size_t>(size) : 0);
}

std::size_t reader::count(std::size_t bytes_each) {
  const auto n = varint();
  if (n > rest_.size() / bytes_each)
    fail("more items announced than the input can hold");
  return ok() ? static_cast<std::size_t>(n) : 0;
}

void reader::fail(std::string_view why) {
  if (!error_)
    error_ = decode_error{why};
}

void reader::expect_end() {
  if (!rest_.empty())
    fail("bytes left over after the value");
}

} // namespace starling::wire
