"""The words of the domain, for clients that show or check them."""

from fastapi import APIRouter
from starlette.responses import Response

from api import answers
from api.schemas import Word, problems
from geo.vocabulary import vocabulary

router = APIRouter(prefix="/v1/vocabulary", tags=["vocabulary"])


@router.get(
    "",
    summary="Enumerations with labels and OSM tags 词表",
    response_class=Response,
    responses={200: {"model": dict[str, list[Word]]}, **problems(400)},
)
def list_vocabulary() -> Response:
    """Every enumeration: wire value, English and Chinese label, OpenStreetMap tag where one exists."""
    return answers.json(vocabulary(), **{"Cache-Control": "public, max-age=3600"})
