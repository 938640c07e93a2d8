// What holds for every document, whatever it is made of (tests/support/any_document.h).
#include <bson/bson.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/digest.h"
#include "model/document.h"
#include "model/extended_json.h"
#include "model/item.h"
#include "tests/support/any_document.h"
#include "tests/support/json.h"

namespace rehome {
namespace {

using Json = nlohmann::ordered_json;
using testing_support::AnyDocument;
using testing_support::AnyScalar;
using testing_support::Canonical;
using testing_support::Taste;

constexpr int kDepth = 3;

Document Rebuilt(DocumentView document) {
  DocumentBuilder builder;
  for (const auto& [key, value] : document) {
    builder.Append(key, value);
  }
  return builder.Finish();
}

/// Doubles by their bits: two writers may give one number different digits.
void DoublesToBits(Json& json) {
  if (json.is_object() && json.size() == 1 && json.contains("$numberDouble")) {
    const auto text = json["$numberDouble"].get<std::string>();
    json["$numberDouble"] = std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr));
    return;
  }
  if (json.is_structured()) {
    std::ranges::for_each(json, DoublesToBits);
  }
}

/// The canonical text that MongoDB's own library writes.
std::string WrittenByLibbson(const Document& document) {
  bson_t bson;
  if (!bson_init_static(&bson, reinterpret_cast<const std::uint8_t*>(document.bytes().data()),
                        document.bytes().size())) {
    return "";
  }
  const std::unique_ptr<char, decltype(&bson_free)> text(
      bson_as_canonical_extended_json(&bson, nullptr), &bson_free);
  return text == nullptr ? "" : std::string(text.get());
}

TEST(AnyDocument, IsItsBytes) {
  EXPECT_TRUE(rc::check([] {
    const Document document = AnyDocument(Taste::kWild, kDepth);
    const auto parsed = Document::Parse(document.bytes());
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(parsed->bytes() == document.bytes());
    RC_ASSERT(Rebuilt(document.view()).bytes() == document.bytes());
  }));
}

TEST(AnyDocument, ComesBackFromExtendedJson) {
  EXPECT_TRUE(rc::check([] {
    const Document document = AnyDocument(Taste::kTame, kDepth);
    const auto read = ParseExtendedJson(Canonical(document));
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->bytes() == document.bytes());
    RC_ASSERT(FaithfulJson(document.view()).has_value());
  }));
}

TEST(AnyDocument, IsKnownNotToComeBackWhereItDoesNot) {
  EXPECT_TRUE(rc::check([] {
    const Document document = AnyDocument(Taste::kWild, kDepth);
    const auto read = ParseExtendedJson(Canonical(document));
    RC_ASSERT(FaithfulJson(document.view()).has_value() ==
              (read && read->bytes() == document.bytes()));
  }));
}

TEST(AnyDocument, IsTheSameDocumentInRelaxedJsonReadTwice) {
  EXPECT_TRUE(rc::check([] {
    const Document document = AnyDocument(Taste::kTame, kDepth);
    const std::string relaxed = ToExtendedJson(document.view(), JsonMode::kRelaxed);
    const auto read = ParseExtendedJson(relaxed);
    RC_ASSERT(read.has_value());
    RC_ASSERT(ToExtendedJson(read->view(), JsonMode::kRelaxed) == relaxed);
  }));
}

TEST(AnyDocument, IsWrittenAsLibbsonWritesIt) {
  EXPECT_TRUE(rc::check([] {
    const Document document = AnyDocument(Taste::kTame, kDepth);
    Json ours = Json::parse(Canonical(document));
    Json theirs = Json::parse(WrittenByLibbson(document));
    DoublesToBits(ours);
    DoublesToBits(theirs);
    RC_ASSERT(ours.dump() == theirs.dump());
  }));
}

TEST(AnyDocument, HasOneDigestHoweverItIsMarked) {
  EXPECT_TRUE(rc::check([] {
    DocumentBuilder builder;
    builder.Append("_id", AnyScalar(Taste::kWild));
    const Document rest = AnyDocument(Taste::kWild, kDepth);
    for (const auto& [key, value] : rest.view()) {
      builder.Append(key == "_id" ? "x" : key, value);
    }
    const Document item = builder.Bool(kIsEmbedded, false).Null(kEmbeddingId).Finish();
    const Document marked = WithMark(item.view(), "the item's id");
    RC_ASSERT(IsMarked(marked.view()));
    RC_ASSERT(marked.bytes() != item.bytes());
    RC_ASSERT(DocumentDigest(marked.view()) == DocumentDigest(item.view()));
    RC_ASSERT(WithMark(marked.view(), "").bytes() == item.bytes());
  }));
}

TEST(AnyDocuments, HaveOneSumInAnyOrderAndHoweverTheyAreCutIntoRanges) {
  EXPECT_TRUE(rc::check([] {
    std::vector<Md5Digest> digests;
    for (int count = *rc::gen::inRange(0, 12); count > 0; --count) {
      digests.push_back(DocumentDigest(AnyDocument(Taste::kWild, 1).view()));
    }
    SetDigest whole;
    for (const Md5Digest& digest : digests) {
      whole.Add(digest);
    }
    std::vector<std::size_t> order(digests.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t left = order.size(); left > 1; --left) {
      std::swap(order[left - 1], order[*rc::gen::inRange<std::size_t>(0, left)]);
    }
    std::vector<SetDigest> ranges(*rc::gen::inRange<std::size_t>(1, 5));
    for (const std::size_t at : order) {
      ranges[*rc::gen::inRange<std::size_t>(0, ranges.size())].Add(digests[at]);
    }
    SetDigest sum;
    for (const SetDigest& range : ranges) {
      sum.Add(range);
    }
    RC_ASSERT(sum == whole);
    RC_ASSERT(sum.count() == digests.size());
    RC_ASSERT(SetDigest::Parse(sum.ToString()).value() == whole);
    for (const Md5Digest& digest : digests) {
      sum.Remove(digest);
    }
    RC_ASSERT(sum == SetDigest());
  }));
}

}  // namespace
}  // namespace rehome
