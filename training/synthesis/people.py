"""Where the people are in the pictures that the dependencies ship: constants, in source pixels.

Boxes and the five landmarks were found once with SCRFD 2.5G (on the picture, then again on an enlarged
crop of each face); the twelve points of the contour were set by hand on a fourfold enlargement; outlines
are a GrabCut (Rother et al. 2004) corrected by hand, simplified to within two pixels. They hold for
exactly those files whose SHA-256 stands here.
"""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture inside an installed dependency: ``package`` is the import name, ``path`` lies below it."""

    name: str
    package: str
    distribution: str
    path: str
    sha256: str
    width: int
    height: int
    credit: str


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a picture.

    ``box`` is x0, y0, x1, y1 of the face as detectors draw it; ``landmarks`` left eye, right eye, nose
    tip, left and right mouth corner as seen in the picture; ``contour`` is empty or follows the face in
    the order of ``CONTOUR``; ``outline`` is the polygon round the whole person, empty where nobody needs
    it; ``roll`` is the angle in degrees, clockwise, by which the view is turned to set the person upright.
    """

    name: str
    picture: PictureFile
    box: tuple[float, float, float, float]
    landmarks: tuple[Point, Point, Point, Point, Point]
    contour: tuple[Point, ...] = ()
    outline: tuple[Point, ...] = ()
    roll: float = 0.0


CONTOUR = (
    "left temple",
    "left jaw at mouth level",
    "left jaw",
    "chin",
    "right jaw",
    "right jaw at mouth level",
    "right temple",
    "right brow, outer end",
    "right brow, inner end",
    "left brow, inner end",
    "left brow, outer end",
    "forehead",
)


def points(text: str) -> tuple[Point, ...]:
    """``"x,y x,y"`` as points: long polygons stay readable."""
    pairs = (pair.split(",") for pair in text.split())
    return tuple((float(x), float(y)) for x, y in pairs)


ASTRONAUT_PICTURE = PictureFile(
    name="astronaut",
    package="skimage",
    distribution="scikit-image",
    path="data/astronaut.png",
    sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    width=512,
    height=512,
    credit="astronaut: NASA, public domain, sample picture of scikit-image",
)
GROUP_PICTURE = PictureFile(
    name="group",
    package="insightface",
    distribution="insightface",
    path="data/images/t1.jpg",
    sha256="47f682e945b659f93a9e490b9c9c4a2a864abe64dace9e1a2893845ddfd69489",
    width=1280,
    height=886,
    credit="group at a table: sample picture t1.jpg of insightface, its rights stay with their owners",
)

ASTRONAUT = Person(
    name="astronaut",
    picture=ASTRONAUT_PICTURE,
    box=(180.9, 57.0, 270.7, 178.0),
    landmarks=((204.5, 100.5), (247.2, 102.5), (223.7, 127.9), (201.7, 138.8), (245.8, 140.6)),
    outline=points(
        """201,23 184,39 164,50 156,58 153,67 155,97 178,130 178,146 153,151 130,168 121,183 122,198
        115,202 89,228 77,234 64,247 41,290 39,307 26,341 26,367 19,389 20,420 24,431 25,479 28,491
        33,498 22,511 511,511 511,504 507,501 507,489 511,486 511,399 486,370 457,352 413,345 389,347
        367,356 365,354 365,329 358,323 353,290 346,280 340,262 302,231 300,221 290,204 259,175 265,149
        271,136 287,119 297,103 300,79 293,52 287,41 276,31 249,18 226,16"""
    ),
)
SEAT_1 = Person(
    name="seat 1",
    picture=GROUP_PICTURE,
    box=(59.0, 263.6, 168.0, 395.7),
    landmarks=((87.1, 330.4), (128.8, 306.9), (119.7, 338.0), (114.3, 370.0), (148.5, 350.1)),
    outline=points(
        """116,240 97,242 75,237 63,245 50,248 34,266 29,281 29,299 24,307 21,321 27,424 23,428 0,431
        0,885 124,885 117,861 117,849 126,832 127,810 143,791 151,789 172,766 172,743 175,736 173,707
        176,704 197,704 199,692 207,684 211,668 211,657 204,650 204,636 211,625 235,624 248,628 251,632
        251,661 253,663 291,660 298,655 307,642 305,602 296,576 278,540 275,522 275,493 264,456 243,431
        228,427 227,387 225,385 214,383 193,393 185,389 185,358 174,315 139,267 135,252"""
    ),
    roll=15.0,
)
SEAT_3 = Person(
    name="seat 3",
    picture=GROUP_PICTURE,
    box=(465.2, 264.2, 573.4, 415.6),
    landmarks=((492.0, 319.4), (541.3, 332.4), (509.5, 361.5), (482.0, 367.0), (531.5, 378.8)),
    contour=points(
        """469,312 468,370 480,397 510,415 532,402 555,375 572,325 562,326 527,321 509,312 476,304
        517,272"""
    ),
    outline=points(
        """565,222 503,221 497,222 489,230 481,232 473,240 473,250 466,263 471,305 468,316 461,322
        461,337 450,346 439,362 432,363 423,372 402,380 392,389 384,401 373,404 358,416 338,440 338,480
        343,495 339,603 344,621 363,642 390,640 402,652 423,654 440,645 448,645 459,650 471,648 481,642
        505,644 522,641 533,643 540,636 568,636 573,631 574,620 578,615 597,613 602,610 603,597 618,580
        620,571 634,561 636,554 647,543 653,525 663,519 669,481 677,464 677,435 685,428 685,415 682,412
        645,404 638,405 633,429 617,432 613,436 616,473 608,486 602,504 595,507 586,492 579,432 566,410
        566,402 575,391 575,383 568,376 567,368 583,341 591,334 591,326 595,315 604,300 606,265 591,237"""
    ),
    roll=-6.0,
)
SEAT_4 = Person(
    name="seat 4",
    picture=GROUP_PICTURE,
    box=(745.8, 340.2, 845.6, 479.9),
    landmarks=((761.5, 397.0), (801.5, 401.5), (773.5, 430.5), (766.5, 438.0), (807.5, 441.3)),
    contour=points(
        """748,390 754,435 766,470 782,477 810,470 837,445 841,390 822,394 787,395 771,396 749,386
        787,352"""
    ),
)
SEAT_6 = Person(
    name="seat 6",
    picture=GROUP_PICTURE,
    box=(1132.3, 268.5, 1226.4, 398.9),
    landmarks=((1149.2, 325.7), (1192.9, 322.4), (1167.3, 349.4), (1155.0, 366.5), (1195.0, 363.5)),
    outline=points(
        """1176,237 1152,245 1147,250 1135,270 1136,280 1125,301 1126,408 1123,416 1109,426 1079,422
        1066,435 1057,435 1046,428 1035,430 1017,443 992,478 986,499 991,503 1017,503 1020,506 1019,525
        1034,565 1057,602 1061,606 1072,608 1075,611 1072,625 1074,631 1107,633 1110,625 1111,606
        1113,603 1118,602 1120,604 1121,631 1123,633 1160,634 1163,641 1165,662 1175,674 1182,676
        1198,674 1211,687 1233,695 1261,696 1268,691 1279,691 1279,470 1265,470 1251,449 1251,440
        1256,433 1263,410 1264,375 1269,365 1269,359 1261,344 1260,325 1251,313 1248,300 1237,291
        1231,273 1230,257 1213,245 1185,237"""
    ),
)
