#pragma once
// workload.h — deterministic job documents of about 1 KB, in ascending _id order.
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "model/document.h"

namespace rehome::bench {

/// The ObjectId of job `number`: 4 bytes of a fixed time, 8 bytes of the number, big-endian.
inline std::string ObjectIdOf(std::uint64_t number) {
  std::string id("\x65\x00\x00\x00", 4);
  for (int shift = 56; shift >= 0; shift -= 8) {
    id += static_cast<char>((number >> static_cast<unsigned>(shift)) & 0xFFU);
  }
  return id;
}

/// `words` words from a small vocabulary, chosen by `random`.
inline std::string Words(Random& random, int words) {
  static constexpr std::array<std::string_view, 16> kVocabulary{
      "react",   "dashboard", "payments", "migration", "mobile", "backend", "design",   "search",
      "reports", "shop",      "booking",  "analytics", "cloud",  "secure",  "realtime", "legacy"};
  std::string text;
  for (int i = 0; i < words; ++i) {
    text += text.empty() ? "" : " ";
    text += kVocabulary[random.Below(kVocabulary.size())];
  }
  return text;
}

/// Job `number`: equal for equal numbers, 13 fields, 1,000 to 1,050 bytes of BSON.
inline Document JobDocument(std::uint64_t number) {
  Random random(number);
  ArrayBuilder skills;
  for (int i = 0; i < 5; ++i) {
    skills.String(Words(random, 1));
  }
  DocumentBuilder builder;
  builder.Append("_id", ValueView(BsonType::kObjectId, ObjectIdOf(number)))
      .String("job_title", Words(random, 6))
      .String("company_name", fmt::format("Company {}", number % 997))
      .String("task_type", Words(random, 2))
      .Array("skills_required", skills.Finish())
      .String("industry", Words(random, 1))
      .Int32("duration_days", static_cast<std::int32_t>(random.Below(90)))
      .Double("rating", random.Unit() * 5)
      .Bool("featured", random.Below(2) == 0)
      .Date("created_at", 1'700'000'000'000 + static_cast<std::int64_t>(number))
      .Null("client_feedback")
      .String("status", "completed");
  constexpr std::size_t kBytes = 1000;
  std::string description;
  while (description.size() < kBytes - 400) {
    description += Words(random, 8) + ". ";
  }
  return builder.String("job_description", description).Finish();
}

}  // namespace rehome::bench
