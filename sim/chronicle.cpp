#include "sim/chronicle.hpp"

#include <cstring>
#include <iostream>
#include <utility>

namespace starling::simulation {

namespace {

constexpr std::size_t lines_max = 60;

} // namespace

void chronicle::note(std::uint64_t what, std::uint64_t who, std::string_view bytes) {
  const auto add = [this](std::uint64_t word) {
    hash_ = scramble(hash_ + 0x9e3779b97f4a7c15 + word);
  };
  add(static_cast<std::uint64_t>(time_.now().count()));
  add(what);
  add(who);
  add(bytes.size());
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(8, bytes.size()))) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(8, bytes.size()); ++i)
      word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    add(word);
  }
}

void chronicle::tell(std::string line) {
  line = to_text(time_.now()) + "  " + line;
  if (how_ == telling::everything)
    std::cout << line << '\n';
  lines_.push_back(std::move(line));
  if (lines_.size() > lines_max)
    lines_.pop_front();
}

void chronicle::complain(std::string invariant, std::string node, std::string what) {
  if (!first_)
    first_ = breach{time_.now(), std::move(invariant), std::move(node), std::move(what)};
}

std::string to_text(duration d) {
  auto fraction = std::to_string(d.count() % 1'000'000);
  fraction.insert(0, 6 - fraction.size(), '0');
  return std::to_string(d.count() / 1'000'000) + "." + fraction;
}

} // namespace starling::simulation
