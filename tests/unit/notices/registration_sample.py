"""An invented registration notice of a European company (X02): no buyer, no lot, no CPV code."""

from __future__ import annotations

from typing import Final

__all__ = ["COMPANY", "REGISTRATION"]

COMPANY: Final = "NATIONAL:IRL-IE9999999X"
_UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:Common"
_EFORMS: Final = "http://data.europa.eu/p27/eforms"
REGISTRATION: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<BusinessRegistrationInformationNotice xmlns="{_EFORMS}-business-registration-information-notice/1"
 xmlns:cbc="{_UBL}BasicComponents-2" xmlns:cac="{_UBL}AggregateComponents-2" xmlns:ext="{_UBL}ExtensionComponents-2"
 xmlns:efext="{_EFORMS}-ubl-extensions/1" xmlns:efac="{_EFORMS}-ubl-extension-aggregate-components/1">
 <ext:UBLExtensions><ext:UBLExtension><ext:ExtensionContent><efext:EformsExtension><efac:NoticeSubType>
  <cbc:SubTypeCode listName="notice-subtype">X02</cbc:SubTypeCode></efac:NoticeSubType></efext:EformsExtension></ext:ExtensionContent></ext:UBLExtension></ext:UBLExtensions>
 <cbc:UBLVersionID>2.3</cbc:UBLVersionID><cbc:CustomizationID>eforms-sdk-1.14</cbc:CustomizationID>
 <cbc:ID schemeName="notice-id">7a9b1f04-63a2-4a53-9a4e-0d7c9f6b2e11</cbc:ID>
 <cbc:IssueDate>2026-11-19Z</cbc:IssueDate><cbc:IssueTime>10:00:00Z</cbc:IssueTime><cbc:VersionID>01</cbc:VersionID>
 <cbc:RegulatoryDomain>32001R2157</cbc:RegulatoryDomain><cbc:NoticeTypeCode listName="bri">brin-ecs</cbc:NoticeTypeCode>
 <cbc:NoticeLanguageCode>ENG</cbc:NoticeLanguageCode>
 <cac:SenderParty><cac:Contact><cbc:ElectronicMail>sender@registry.example</cbc:ElectronicMail></cac:Contact></cac:SenderParty>
 <cac:BusinessParty><cac:PostalAddress><cbc:CityName>Cork</cbc:CityName><cbc:PostalZone>T12</cbc:PostalZone>
   <cbc:CountrySubentityCode listName="nuts-lvl3">IE053</cbc:CountrySubentityCode>
   <cac:Country><cbc:IdentificationCode listName="country">IRL</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
  <cac:PartyLegalEntity><cbc:RegistrationName>Trois Vall&#233;es SE</cbc:RegistrationName>
   <cbc:CompanyID schemeName="national">IE 9999999X</cbc:CompanyID></cac:PartyLegalEntity>
  <cac:PartyLegalEntity><cbc:CompanyID schemeName="EU">IE 9999999X</cbc:CompanyID>
   <cbc:RegistrationDate>2026-11-14+01:00</cbc:RegistrationDate></cac:PartyLegalEntity>
  <cac:Contact><cbc:Name>A. Person</cbc:Name><cbc:ElectronicMail>a.person@se.example</cbc:ElectronicMail></cac:Contact></cac:BusinessParty>
</BusinessRegistrationInformationNotice>
"""
